"""OpenAPI path items of the writing call of the DESK Events API v1. They are merged with those of the reads, by path."""

from typing import Any, Final

from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.dialects.desk.answers import ANSWERS
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.desk.paths import MANAGED_EVENTS_PATH, SAAS_EVENTS_PATH
from causeline.schemas.dialects.desk.vocabulary import CUSTOM_ALERT, VOCABULARY, ElementType
from causeline.schemas.web.openapi import OpenApiPart, ref

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_TAG: Final = {
    "type": "object",
    "properties": {"context": {**_TEXT, "enum": sorted(VOCABULARY.contexts)}, "key": _TEXT, "value": _TEXT},
    "required": ["context", "key"],
}
_RULE: Final = {
    "type": "object",
    "properties": {
        "meTypes": {"type": "array", "items": {**_TEXT, "enum": sorted(VOCABULARY.me_types | VOCABULARY.me_types_later)}, "minItems": 1},
        "tags": {"type": "array", "items": ref("DeskTag"), "minItems": 1},
    },
    "required": ["meTypes", "tags"],
}
_ATTACH: Final = {
    "type": "object",
    "description": "At least one entity id or tag; one event is stored for every entity",
    "properties": {"entityIds": _TEXTS, "tagRule": {"type": "array", "items": ref("DeskTagRule")}},
}
_TYPES: Final[dict[ElementType, dict[str, Any]]] = {
    "string": _TEXT,
    "integer": {"type": "integer", "format": "int64"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object", "additionalProperties": True},
    "string[]": _TEXTS,
    "PushEventAttachRules": ref("DeskAttachRules"),
}
_EVENT_TYPES: Final = [name for name in VOCABULARY.event_types if name != CUSTOM_ALERT]


def _element(name: str) -> dict[str, Any]:
    rules = {event_type: VOCABULARY.event_types[event_type].rules[name] for event_type in _EVENT_TYPES}
    required, optional = ([t for t, rule in rules.items() if rule == code] for code in ("req", "opt"))
    says = [f"{word}: {', '.join(types)}" for word, types in (("required", required), ("optional", optional)) if types]
    return {**_TYPES[VOCABULARY.elements[name]], "description": "; ".join(says)}


_BODY: Final = {
    "type": "object",
    "properties": {**{name: _element(name) for name in VOCABULARY.elements}, "eventType": {**_TEXT, "enum": _EVENT_TYPES}},
    "required": ["eventType", "source", "attachRules"],
}
_ENV: Final = {"name": "env", "in": "path", "required": True, "schema": _TEXT, "description": "Environment id"}
_KEY: Final = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": KEY_SCHEMA}


def _post(operation: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "post": {
            "operationId": operation,
            "summary": "Push an event to one or more entities",
            "tags": [DESK.title],
            "parameters": parameters,
            "requestBody": {"required": True, "content": {"application/json": {"schema": ref("DeskPush")}}},
            "responses": {
                "200": {
                    "description": "EventStoreResult: ids of information-only events, correlation ids of problem-opening ones",
                    "content": {"application/json": {"schema": ref("EventStoreResult")}},
                },
                "400": {"description": "ErrorEnvelope: not JSON, wrong types, missing elements, broken limits, no entity"},
                "503": {"description": "ErrorEnvelope: not acknowledged by the broker; repeat after Retry-After seconds"},
            },
        },
    }


SCHEMAS: Final[dict[str, Any]] = {"DeskPush": _BODY, "DeskAttachRules": _ATTACH, "DeskTagRule": _RULE, "DeskTag": _TAG}

PATHS: Final[dict[str, Any]] = {
    SAAS_EVENTS_PATH: _post("deskPushEvent", [_KEY]),
    MANAGED_EVENTS_PATH: _post("deskPushEventManaged", [_ENV, _KEY]),
}

PART: Final = OpenApiPart(PATHS, SCHEMAS | ANSWERS)
