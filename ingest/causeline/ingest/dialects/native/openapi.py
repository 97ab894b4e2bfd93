"""OpenAPI of the native API's writing side, services, feedback, definitions and subscriptions included."""

from typing import Any, Final

from causeline.ingest.bodies.items import MAX_ITEMS, NDJSON
from causeline.ingest.definitions import openapi as openapi_definitions
from causeline.ingest.dialects.native.body import schema
from causeline.ingest.dialects.native.deletes import MOST_DELETES
from causeline.ingest.feedback import openapi as openapi_feedback
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.ingest.services import openapi as openapi_services
from causeline.ingest.subscriptions import openapi as openapi_subscriptions
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.openapi import OpenApiPart

_NEW_EVENT: Final = "NewEvent"
_REF: Final = {"$ref": f"#/components/schemas/{_NEW_EVENT}"}
_TEXT: Final = {"type": "string"}
_FIELD_ERRORS: Final = {
    "type": "array",
    "items": {"type": "object", "required": ["field", "message"], "properties": {"field": _TEXT, "message": _TEXT}},
}

_SCHEMAS: Final[dict[str, Any]] = {
    "DeleteResults": {
        "type": "object",
        "required": ["deleted", "missing"],
        "properties": {"deleted": {"type": "integer"}, "missing": {"type": "array", "items": _TEXT}},
    },
    "WriteResult": {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"enum": ["accepted", "rejected"]}, "id": _TEXT, "errors": _FIELD_ERRORS},
    },
    "WriteResults": {
        "type": "object",
        "required": ["accepted", "rejected", "results"],
        "properties": {
            "accepted": {"type": "integer"},
            "rejected": {"type": "integer"},
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/WriteResult"}, "description": "In the order sent"},
        },
    },
}


def _answer(description: str, schema_name: str, media: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema_name}"}}}}


def _problem(description: str) -> dict[str, Any]:
    return _answer(description, "ProblemDetails", "application/problem+json")


def _post() -> dict[str, Any]:
    several = {"type": "array", "items": _REF, "maxItems": MAX_ITEMS}
    return {
        "operationId": "createEvents",
        "summary": "Store one event or several",
        "tags": [NATIVE.title],
        "description": f"At most {MAX_ITEMS} events and 16 MiB a request, 1 MiB an event; gzip is accepted.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A repeat with the same key and content is answered with the same id and stores nothing, other is 409;"
                " of several events it is the key of the request as a whole",
                "schema": KEY_SCHEMA,
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"oneOf": [_REF, several]}},
                NDJSON: {"schema": {"type": "string", "description": "One event a line"}},
            },
        },
        "responses": {
            "201": _answer("One object: the stored event, as GET /v1/events/{id} shows it", "Event"),
            "200": _answer("An array or lines: a result for each; what is valid is stored", "WriteResults"),
            "400": _problem("Not JSON"),
            "409": _problem("The key was used with other content before; nothing is stored"),
            "413": _problem("Too many bytes or events"),
            "415": _problem("A media type or coding that is not spoken"),
            "422": _problem("One object that breaks rules; `errors` names the fields"),
            "503": _problem("Not acknowledged by the broker within 5 s: the outcome is unknown; repeat after Retry-After seconds"),
        },
    }


_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat changes nothing",
    "schema": KEY_SCHEMA,
}
_UNSURE: Final = _problem("Not known to be durable; repeat after Retry-After seconds")


def _delete() -> dict[str, Any]:
    return {
        "operationId": "deleteEvent",
        "summary": "Take an event of this API back, and with it the problem that it opened",
        "tags": [NATIVE.title],
        "parameters": [{"name": "id", "in": "path", "required": True, "description": "Id, as POST and GET show it", "schema": _TEXT}, _KEY],
        "responses": {
            "204": {"description": "It is gone", "content": {}},
            "404": _problem("There is no such event, or it came through another API"),
            "503": _UNSURE,
        },
    }


def _delete_several() -> dict[str, Any]:
    ids = {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_DELETES}
    return {
        "operationId": "deleteEvents",
        "summary": "Take several events of this API back, and with them the problems that they opened",
        "tags": [NATIVE.title],
        "parameters": [
            {"name": "id", "in": "query", "required": True, "description": "Given more than once", "schema": ids, "explode": True},
            _KEY,
        ],
        "responses": {
            "200": _answer("How many are gone; those that were not there, or came through another API, are named", "DeleteResults"),
            "400": _problem("No id, too many, or another parameter"),
            "503": _UNSURE,
        },
    }


PART: Final = OpenApiPart(
    {
        "/v1/events": {"post": _post(), "delete": _delete_several()},
        "/v1/events/{id}": {"delete": _delete()},
        **openapi_services.PATHS,
        **openapi_feedback.PATHS,
        **openapi_definitions.PATHS,
        **openapi_subscriptions.PATHS,
    },
    {
        _NEW_EVENT: schema(),
        **_SCHEMAS,
        **openapi_services.SCHEMAS,
        **openapi_feedback.SCHEMAS,
        **openapi_definitions.SCHEMAS,
        **openapi_subscriptions.SCHEMAS,
    },
)
"""The schema `Event` is stated by the reading side."""
