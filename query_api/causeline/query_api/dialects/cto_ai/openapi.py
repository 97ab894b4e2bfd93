"""OpenAPI of CTO.ai's read. It shares its path with the DESK Events API v1, so one operation describes both."""

from collections.abc import Mapping
from typing import Any, Final

from causeline.query_api.dialects.cto_ai.parameters import DEFAULT_LIMIT, MAX_LIMIT, OPERATORS
from causeline.schemas.dialects.cto_ai.answers import ANSWERS
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.cto_ai.paths import SHARED_PATH
from causeline.schemas.web.openapi import OpenApiPart, ref


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema or {"type": "string"}}


_PARAMETERS: Final = [
    _query("team_id", "CTO.ai: the team; makes the request CTO.ai's"),
    _query("$limit", "CTO.ai: events at most", type="integer", minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
    _query("$skip", "CTO.ai: events left out at the front", type="integer", minimum=0, default=0),
    _query("$select[]", "CTO.ai: the fields that are shown beside `id` and `timestamp`", type="array", items={"type": "string"}),
    _query("$sort[timestamp]", "CTO.ai: 1 or -1; any field may stand in the brackets, several are keys in their order", enum=["1", "-1"]),
    _query("event_name", f"CTO.ai: any field equals a value; with {', '.join(OPERATORS)} in brackets it compares"),
]


def shared_get(get: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation of the shared path: the other API's, which also takes CTO.ai's parameters."""
    ok = get["responses"]["200"]
    either = {"anyOf": [ok["content"]["application/json"]["schema"], ref("CtoAiEvents")]}
    answer = {
        "description": f"{ok['description']}. CTO.ai: an array of events, newest first",
        "content": {"application/json": {"schema": either}},
    }
    responses = {**get["responses"], "200": answer}
    description = "With `team_id` the request is CTO.ai's."
    return {
        **get,
        "tags": [*get["tags"], CTO_AI.title],
        "description": description,
        "parameters": [*get["parameters"], *_PARAMETERS],
        "responses": responses,
    }


PART: Final = OpenApiPart(schemas=ANSWERS, shares={SHARED_PATH: {"get": shared_get}})
