"""OpenAPI path items of the reads of the DESK Events API v1. They are merged with the writing side's, by path."""

from typing import Any, Final

from causeline.schemas.dialects.desk.answers import ANSWERS
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.desk.paths import MANAGED_EVENTS_PATH, SAAS_EVENTS_PATH
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.web.openapi import OpenApiPart, ref

_TEXT: Final = {"type": "string"}
_MS: Final = {"type": "integer", "format": "int64"}
_ENV: Final = {"name": "env", "in": "path", "required": True, "schema": _TEXT, "description": "Environment id"}
_ID: Final = {"name": "eventId", "in": "path", "required": True, "schema": _TEXT, "description": "Value of storedIds or storedEventIds"}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


_PARAMETERS: Final = [
    _query("from", "UTC ms, inclusive; default 30 days ago", _MS),
    _query("to", "UTC ms, inclusive; default now", _MS),
    _query("relativeTime", "Window that ends now", {**_TEXT, "enum": list(VOCABULARY.relative_time_ms)}),
    _query("eventType", "Exact event type", {**_TEXT, "enum": sorted(VOCABULARY.queried_event_types)}),
    _query("entityId", "Events attached to this entity", _TEXT),
    _query("cursor", "`nextCursor` of the last page; every other parameter is then ignored", _TEXT),
]


def _get(
    operation: str, summary: str, schema: str, answer: str, parameters: list[dict[str, Any]], errors: dict[str, Any]
) -> dict[str, Any]:
    ok = {"description": answer, "content": {"application/json": {"schema": ref(schema)}}}
    responses = {"200": ok, **errors, "503": {"description": "ErrorEnvelope: the store cannot answer now"}}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": [DESK.title],
            "parameters": parameters,
            "responses": responses,
        },
    }


def _list(operation: str, path: list[dict[str, Any]]) -> dict[str, Any]:
    answer = f"EventQueryResult: {VOCABULARY.page_size} events a page, newest first; poll with its `to` as the next `from`"
    return _get(
        operation,
        "Events of a window",
        "EventQueryResult",
        answer,
        path + _PARAMETERS,
        {"400": {"description": "ErrorEnvelope: a broken parameter, or a window over the bounds of one question"}},
    )


def _one(operation: str, path: list[dict[str, Any]]) -> dict[str, Any]:
    return _get(
        operation, "One event", "EventRestEntry", "The event", [*path, _ID], {"404": {"description": "ErrorEnvelope: no such event"}}
    )


PATHS: Final[dict[str, Any]] = {
    SAAS_EVENTS_PATH: _list("deskEvents", []),
    MANAGED_EVENTS_PATH: _list("deskEventsManaged", [_ENV]),
    f"{SAAS_EVENTS_PATH}/{{eventId}}": _one("deskEvent", []),
    f"{MANAGED_EVENTS_PATH}/{{eventId}}": _one("deskEventManaged", [_ENV]),
}

PART: Final = OpenApiPart(PATHS, ANSWERS)
