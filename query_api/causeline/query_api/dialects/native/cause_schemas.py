"""JSON Schema of a ranking of causes, as `causes_http.py` shows it."""

from typing import get_args

from causeline.query_api.causes.context import Feedback
from causeline.query_api.causes.scope import CauseRelation
from causeline.query_api.causes.verdicts import CauseVerdict
from causeline.schemas.web.openapi import Schema


def ranking_schema(problem: Schema, event: Schema) -> Schema:
    """Return the schema of the answer; `problem` and `event` are those of its parts."""
    reason = _object(
        {
            "feature": _text("What speaks: a row of the table of features"),
            "contribution": {"type": "number", "description": "What it adds to the score; those of all reasons add up to it"},
            "text": _text("The reason in words"),
        }
    )
    cause = _object(
        {
            "probability": _probability("That this change did it; over all candidates and none, also those that `limit` cuts off"),
            "score": {"type": "number"},
            "relation": {"type": "string", "enum": list(get_args(CauseRelation))},
            "offset_seconds": {"type": "number", "description": "From the start of the problem, negative before it"},
            "feedback": {"enum": [None, *get_args(Feedback)]},
            "reasons": {"type": "array", "items": reason},
            "event": event,
        }
    )
    return _object(
        {
            "problem": problem,
            "verdict": {
                "type": "string",
                "enum": list(get_args(CauseVerdict)),
                "description": "`likely`: the first one, by far; `possible`: one of the first; `none`: no change did it; `unknown`: none "
                "that is known, but nobody reports what this service and those it depends on change",
            },
            "none_probability": _probability("That no change did it"),
            "none_score": {"type": "number", "description": "What none competes with"},
            "candidates": {"type": "integer", "description": "How many changes were ranked"},
            "truncated": {"type": "boolean", "description": "There were more; the closest ones were ranked"},
            "provisional": {"type": "boolean", "description": "The problem is young and open: changes and their ends may still come in"},
            "model": _text("Version of the weights"),
            "computed_at": {"type": "string", "format": "date-time"},
            "blind_spots": {
                "type": "array",
                "items": _object({"service": _text(""), "kind": _text("A kind of change that nobody reported of it in 30 days")}),
            },
            "causes": {"type": "array", "items": cause, "description": "By probability, the rejected ones last"},
        }
    )


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description} if description else {"type": "string"}


def _probability(description: str) -> Schema:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}
