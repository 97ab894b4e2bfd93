"""OpenAPI path items of CTO.ai's write. On the path that it shares with the DESK Events API v1 one operation describes both."""

from collections.abc import Mapping
from typing import Any, Final

from causeline.ingest.dialects.cto_ai.writes import REQUIRED
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.dialects.cto_ai.answers import ANSWERS
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.cto_ai.mapping import SIGNALS
from causeline.schemas.dialects.cto_ai.paths import SHARED_PATH
from causeline.schemas.web.openapi import OpenApiPart, ref

_TEXT: Final = {"type": "string"}
_NAMED: Final = ("team_id", "event_name", "event_action", "commit", "branch", "repo", "environment")
_TIME: Final = {"type": ["string", "integer"], "description": "ISO 8601 or milliseconds; the arrival where it is absent"}
_SIGNALS: Final = ", ".join(f"{name} {action}" for name, action in SIGNALS)

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": f"Any field may be added and is kept. These events open or close problems: {_SIGNALS}.",
    "properties": {
        **{name: {**_TEXT, "minLength": 1} if name in REQUIRED else {} for name in _NAMED},
        "event_action": _TEXT,
        "timestamp": _TIME,
    },
    "required": list(REQUIRED),
    "additionalProperties": True,
}
_STORED: Final = ref("CtoAiStored")
_KEY: Final = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": KEY_SCHEMA}


def _create(operation_id: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": summary,
        "tags": [CTO_AI.title],
        "parameters": [_KEY],
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref("CtoAiNewEvent")}}},
        "responses": {
            "200": {"description": "Stored", "content": {"application/json": {"schema": _STORED}}},
            "400": {"description": "Not JSON, or a field breaks a rule: {name, message, code, errors}"},
            "503": {"description": "Not acknowledged by the broker; repeat after Retry-After seconds"},
        },
    }


PATHS: Final[dict[str, Any]] = {
    "/events": {"post": _create("ctoAiCreateEvent", "Store a lifecycle event")},
    "/": {"post": _create("ctoAiCreateEventAtRoot", "Store a lifecycle event, where CTO.ai's GitHub action sends")},
}


def shared_post(post: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation of the shared path: the other API's, which also takes CTO.ai's body and gives its answer."""
    success = post["responses"]["200"]
    body = {"required": True, "content": _either(post["requestBody"]["content"], ref("CtoAiNewEvent"))}
    responses = {**post["responses"], "200": {**success, "content": _either(success["content"], _STORED)}}
    description = "A body with `event_name` and without `eventType` is CTO.ai's, and is answered as on `/events`."
    return {**post, "tags": [*post["tags"], CTO_AI.title], "description": description, "requestBody": body, "responses": responses}


def _either(content: Mapping[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": {"anyOf": [content["application/json"]["schema"], own]}}}


PART: Final = OpenApiPart(PATHS, {"CtoAiNewEvent": SCHEMA, **ANSWERS}, {SHARED_PATH: {"post": shared_post}})
