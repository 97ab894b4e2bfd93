"""OpenAPI path items of ApiTraffic's writing calls. They are merged with those of the reading side, by path."""

from typing import Any, Final

from causeline.ingest.dialects.apitraffic.body import CreateBody, UpdateBody
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.dialects.apitraffic.answers import ANSWERS
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.dialects.apitraffic.paths import ACCOUNT_EVENT_PATH, ACCOUNT_EVENTS_PATH, ACCOUNT_SID, EVENT_SID, REFUSED
from causeline.schemas.web.openapi import OpenApiPart, ref

_KEY: Final = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": KEY_SCHEMA}


def _body(model: type[CreateBody | UpdateBody]) -> dict[str, Any]:
    schema = model.model_json_schema()
    # What the models take for absent is no default that a client would see.
    properties = {name: {key: value for key, value in one.items() if key != "default"} for name, one in schema["properties"].items()}
    schema = {**schema, "properties": properties, "additionalProperties": True}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _ok(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": ref(schema)}}}


def _operation(name: str, summary: str, answers: dict[str, Any], parameters: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [APITRAFFIC.title],
        "parameters": [ACCOUNT_SID, *parameters, _KEY],
        "responses": {**answers, **REFUSED},
        **more,
    }


PATHS: Final[dict[str, Any]] = {
    ACCOUNT_EVENTS_PATH: {
        "post": _operation(
            "apitrafficCreateEvent",
            "Create an event marker",
            {"201": _ok("The created event", "ApiTrafficEvent")},
            [],
            requestBody=_body(CreateBody),
        ),
    },
    ACCOUNT_EVENT_PATH: {
        "put": _operation(
            "apitrafficUpdateEvent",
            "Change the fields of an event that the body names",
            {"200": _ok("The updated event", "ApiTrafficEvent")},
            [EVENT_SID],
            requestBody=_body(UpdateBody),
        ),
        "delete": _operation(
            "apitrafficDeleteEvent",
            "Delete an event marker",
            {"200": _ok("What was deleted", "ApiTrafficDeleted")},
            [EVENT_SID],
        ),
    },
}

PART: Final = OpenApiPart(PATHS, ANSWERS)
