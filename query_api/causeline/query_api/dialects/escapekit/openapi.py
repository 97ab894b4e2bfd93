"""OpenAPI path items of EscapeKit's query paths, from the table that the handlers use."""

import re
from typing import Any, Final

from causeline.query_api.dialects.escapekit import parameters
from causeline.query_api.dialects.escapekit.parameters import PathMember
from causeline.query_api.questions.parameters import DEFAULT_LIMIT, MAX_LIMIT
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.web.openapi import OpenApiPart, ref

_TEXT: Final = {"type": "string"}
_EVENT: Final = {
    "type": "object",
    "description": "An event as it was sent to /internal/create-event, with its id and timestamp",
    "required": ["id", "timestamp", "type"],
    "properties": {
        "id": _TEXT,
        "timestamp": {"type": ["integer", "string"], "description": "Unix time in nanoseconds"},
        "type": _TEXT,
    },
    "additionalProperties": True,
}
_PAGING: Final = [
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "Events a page",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    {"name": "cursor", "in": "query", "required": False, "description": "As the header Link of the page before has it", "schema": _TEXT},
]
_NAME: Final = "UTF-8, percent-encoded; a slash within the name is `%252F`, since `%2F` parts names as `/` does"
_WRONG: Final = {"type": "object", "required": ["error"], "properties": {"error": _TEXT, "field": _TEXT}}
_LINK: Final = {"description": 'The next page, where there is one: `<path>; rel="next"`', "schema": _TEXT}


def _operation_id(path: str) -> str:
    words = re.findall(r"[a-z]+", path.removeprefix(parameters.BASE))
    return "escapekitQuery" + "".join(word.capitalize() for word in words) + ("Named" if path.endswith("{deployment}") else "")


def _summary(members: tuple[PathMember, ...]) -> str:
    conditions = [f"{member.name} {{{member.parameter}}}" if member.parameter else f"a {member.name}" for member in members]
    return "Events with " + " and ".join(conditions) if conditions else "All events that the caller may see"


def _get(path: str, members: tuple[PathMember, ...]) -> dict[str, Any]:
    path_parameters = [
        {"name": m.parameter, "in": "path", "required": True, "description": _NAME, "schema": _TEXT} for m in members if m.parameter
    ]
    answer = ref("EscapeKitEvents")
    return {
        "get": {
            "operationId": _operation_id(path),
            "summary": _summary(members),
            "tags": [ESCAPEKIT.title],
            "parameters": [*path_parameters, *_PAGING],
            "responses": {
                "200": {
                    "description": "Newest first; empty where nothing matches",
                    "headers": {"Link": _LINK},
                    "content": {"application/json": {"schema": answer}},
                },
                "400": {
                    "description": "A limit or cursor that is none, or a question over the bounds of one: ask for fewer",
                    "content": {"application/json": {"schema": _WRONG}},
                },
                "503": {"description": "The store cannot answer now", "content": {"application/json": {"schema": _WRONG}}},
            },
        },
    }


SCHEMAS: Final[dict[str, Any]] = {
    "EscapeKitEvent": _EVENT,
    "EscapeKitEvents": {"type": "array", "items": ref("EscapeKitEvent"), "maxItems": MAX_LIMIT},
}

PATHS: Final[dict[str, Any]] = {path: _get(path, members) for path, members in parameters.PATH_MEMBERS.items()}

PART: Final = OpenApiPart(PATHS, SCHEMAS)
