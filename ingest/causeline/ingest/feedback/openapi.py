"""OpenAPI of feedback on causes, from the bounds that the parser uses. The schema of the answer is stated by the reading side."""

from typing import Any, Final

from causeline.ingest.feedback import requests
from causeline.ingest.feedback.changes import MAX_OF_PROBLEM
from causeline.ingest.feedback.http import FEEDBACK_PATH, FEEDBACKS_PATH
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.feedback.assessment import NO_EVENT
from causeline.schemas.web.listing import LIST_DEFAULT, LIST_MOST

SCHEMAS: Final[dict[str, Any]] = {
    "Feedback": {
        "type": "object",
        "required": ["verdict"],
        "additionalProperties": False,
        "properties": {
            "verdict": {"type": "string", "enum": list(requests.VERDICTS)},
            "note": {"type": ["string", "null"], "maxLength": requests.MAX_NOTE, "description": "Why, for who looks next"},
        },
    },
}

_RANKING: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/GetProblemCausesAnswer"}}}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {"name": "id", "in": "path", "required": True, "description": "The problem", "schema": {"type": "string", "format": "uuid"}},
    {
        "name": "event_id",
        "in": "path",
        "required": True,
        "description": f"The change, or `{NO_EVENT}`: that no change did it",
        "schema": {"type": "string"},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "A repeat with the same key and content changes nothing while the key is known; other content is 409",
        "schema": KEY_SCHEMA,
    },
]


def _operation(name: str, summary: str, **more: Any) -> dict[str, Any]:
    responses = {
        "200": {"description": "The ranking with it, as `GET /v1/problems/{id}/causes` gives it", "content": _RANKING},
        "409": {"description": "The key came with other content"},
        "503": {"description": "Not known to be durable; repeat after Retry-After seconds"},
    }
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["Native"],
        "parameters": _PARAMETERS,
        "responses": responses | more.pop("responses", {}),
        **more,
    }


_LISTED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "problem_id": {"type": "string"},
        "event_id": {"type": "string", "description": f"The change, or `{NO_EVENT}`"},
        "verdict": {"type": "string", "enum": list(requests.VERDICTS)},
        "note": {"type": "string"},
        "by": {"type": "string", "description": "Name of the token, empty without one"},
        "at": {"type": "string", "format": "date-time"},
    },
}
_PAGE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "feedback": {"type": "array", "items": _LISTED},
        "next_cursor": {"type": ["string", "null"], "description": "`cursor` of the next page, null after the last one"},
    },
}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": LIST_MOST, "default": LIST_DEFAULT}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


PATHS: Final[dict[str, Any]] = {
    FEEDBACKS_PATH: {
        "get": {
            "operationId": "listFeedback",
            "summary": "What was said of causes, in the order of problems and events; events of every group, so it takes `admin`",
            "tags": ["Native"],
            "parameters": [
                _query("limit", "Rows of a page", _LIMIT),
                _query("cursor", "`next_cursor` of the page before", {"type": "string"}),
            ],
            "responses": {"200": {"description": "A page", "content": {"application/json": {"schema": _PAGE}}}},
        },
    },
    FEEDBACK_PATH: {
        "put": _operation(
            "putCauseFeedback",
            "Say that a change did a problem, or did not",
            requestBody={"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Feedback"}}}},
            responses={
                "422": {
                    "description": f"A member breaks a rule; or the problem has {MAX_OF_PROBLEM} pieces of feedback, or the tenant too many"
                }
            },
        ),
        "delete": _operation("deleteCauseFeedback", "Take back what was said of a change in a problem"),
    },
}
