"""OpenAPI path items of EscapeKit's writing calls and subscriptions. They are merged with those of the reads, by path."""

from typing import Any, Final

from causeline.ingest.bodies.items import MAX_ITEMS
from causeline.ingest.dialects.escapekit.subscriptions import MAX_SET
from causeline.ingest.dialects.escapekit.subscriptions import TARGET_TYPES as SUBSCRIPTION_TYPES
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.dialects.escapekit.mapping import EVENT_TYPES, MAX_NS
from causeline.schemas.web.openapi import OpenApiPart, ref

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_MAYBE: Final = {"type": ["string", "null"]}
_MAYBE_TEXTS: Final = {"type": ["array", "null"], "items": _TEXT}
_TIMESTAMP: Final = {
    "description": "Unix time in nanoseconds, given back in the form it was sent; absent: the arrival",
    "oneOf": [{"type": "integer", "minimum": 0, "maximum": MAX_NS}, {**_TEXT, "pattern": "^[0-9]{1,19}$"}, {"type": "null"}],
}
_MEMBERS: Final[dict[str, dict[str, Any]]] = {
    "type": {**_TEXT, "pattern": r"\S", "description": f"One of {', '.join(EVENT_TYPES)}; any other is kept", "examples": [EVENT_TYPES[0]]},
    "id": {**_MAYBE, "description": "Kept, and the idempotency key; made if absent"},
    "timestamp": _TIMESTAMP,
    "username": _MAYBE,
    "allowed_groups": {**_MAYBE_TEXTS, "description": "Who may see the event; everybody if absent or empty"},
    "allowed_roles": {**_MAYBE_TEXTS, "description": "The same as allowed_groups"},
    "data": {"type": ["object", "null"], "additionalProperties": True},
    "inventory_project": _MAYBE,
    "inventory_namespace": {**_MAYBE, "description": "The same as inventory_project"},
    "inventory_application": _MAYBE,
    "inventory_version": _MAYBE,
    "state_project": _MAYBE,
    "state_environment": _MAYBE,
    "state_deployment": _MAYBE,
}
EVENT_SCHEMA: Final[dict[str, Any]] = {"type": "object", "required": ["type"], "properties": _MEMBERS, "additionalProperties": True}
_SUBSCRIPTION: Final = {
    "type": "object",
    "required": ["type", "url"],
    "additionalProperties": True,
    "properties": {
        "id": {"description": "Kept if sent, else made", "oneOf": [_MAYBE, _TEXTS]},
        "type": {**_TEXT, "enum": list(SUBSCRIPTION_TYPES), "description": "In any letter case"},
        "url": {**_TEXT, "format": "uri", "description": "https; by http, and to private addresses, only what the operator lists"},
        "slack_icon": _MAYBE,
        "slack_username": _MAYBE,
    },
}
_ERROR: Final = {"type": "object", "required": ["error"], "properties": {"error": _TEXT, "field": _TEXT}}
_PROJECT: Final = {"name": "project", "in": "path", "required": True, "schema": _TEXT}
_KEY: Final = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": KEY_SCHEMA}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _array(items: dict[str, Any], most: int = MAX_ITEMS) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


def _body(items: dict[str, Any], most: int = MAX_ITEMS) -> dict[str, Any]:
    return {"required": True, "content": _content({"oneOf": [items, _array(items, most)]})}


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": _content(_ERROR)}


_SET: Final = {"description": "The subscriptions of the project", "content": _content(ref("EscapeKitSubscriptions"))}
_UNSURE: Final = _refusal("Not acknowledged by the broker; repeat after Retry-After seconds")
_WRONG: Final = _refusal("Not JSON, or a field breaks a rule: nothing is stored")

SCHEMAS: Final[dict[str, Any]] = {
    "EscapeKitNewEvent": EVENT_SCHEMA,
    "EscapeKitStored": {"oneOf": [ref("EscapeKitNewEvent"), _array(ref("EscapeKitNewEvent"))]},
    "EscapeKitSubscription": _SUBSCRIPTION,
    "EscapeKitSubscriptions": _array(ref("EscapeKitSubscription")),
}

PATHS: Final[dict[str, Any]] = {
    "/internal/create-event": {
        "post": {
            "operationId": "escapekitCreateEvent",
            "summary": "Add an event, or an array of events",
            "tags": [ESCAPEKIT.title],
            "parameters": [_KEY],
            "requestBody": _body(ref("EscapeKitNewEvent")),
            "responses": {
                "201": {"description": "What is stored, in the form that was sent", "content": _content(ref("EscapeKitStored"))},
                "400": _WRONG,
                "413": _refusal(f"More than 1 MiB, or more than {MAX_ITEMS} events"),
                "503": _UNSURE,
            },
        },
    },
    "/api/v1/events/subscriptions/project/{project}": {
        "get": {
            "operationId": "escapekitGetSubscriptions",
            "summary": "Subscriptions of a project",
            "description": "Whole with the scope admin; else `***` stands for queries of URLs, paths of Slack, and unknown members.",
            "tags": [ESCAPEKIT.title],
            "parameters": [_PROJECT],
            "responses": {"200": _SET, "503": _UNSURE},
        },
        "put": {
            "operationId": "escapekitPutSubscriptions",
            "summary": "Replace the subscriptions of a project",
            "description": f"Takes the scope admin, since it sends events elsewhere. At most {MAX_SET}, and 10,000 of a tenant.",
            "tags": [ESCAPEKIT.title],
            "parameters": [_PROJECT, _KEY],
            "requestBody": _body(ref("EscapeKitSubscription"), MAX_SET),
            "responses": {"200": _SET, "400": _WRONG, "413": _refusal("More than 1 MiB"), "503": _UNSURE},
        },
    },
}

PART: Final = OpenApiPart(PATHS, SCHEMAS)
