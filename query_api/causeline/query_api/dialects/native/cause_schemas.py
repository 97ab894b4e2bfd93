"""JSON Schema of a ranking of causes, as `causes_http.py` and `revision_views.py` show it, and of effects."""

from typing import get_args

from causeline.query_api.causes.context import Feedback
from causeline.query_api.causes.scope import CauseRelation
from causeline.schemas.feedback.assessment import AssessmentVerdict
from causeline.schemas.records.causes import CauseVerdict
from causeline.schemas.web.openapi import Schema


def ranking_schema(problem: Schema, event: Schema) -> Schema:
    """Return the schema of the answer; `problem` and `event` are those of its parts."""
    cause = _object(
        {
            "probability": _probability("That this change did it; over all candidates and none, also those that `limit` cuts off"),
            "score": {"type": "number"},
            "relation": {"type": "string", "enum": list(get_args(CauseRelation))},
            "offset_seconds": {"type": "number", "description": "From the start of the problem to `ts` of the change, negative before it"},
            "feedback": {"enum": [None, *get_args(Feedback)]},
            "assessment": _assessment("What somebody said of this change in this problem"),
            "reasons": {"type": "array", "items": _reason()},
            "event": {"anyOf": [event, _summary()]},
        }
    )
    return _object(
        {
            "problem": problem,
            "verdict": _verdict(
                "`likely`: the first one, by far; `possible`: one of the first; `none`: no change did it; `unknown`: none "
                "that is known, but nobody reports what this service and those it depends on change"
            ),
            "none_probability": _probability("That no change did it"),
            "none_score": {"type": "number", "description": "What none competes with"},
            "none_assessment": _assessment("What somebody said of none: that no change did it, or that one did"),
            "candidates": {"type": "integer", "description": "How many changes were ranked"},
            "truncated": {"type": "boolean", "description": "There were more; the closest ones were ranked"},
            "provisional": {"type": "boolean", "description": "The problem is young and open: changes and their ends may still come in"},
            "revision": {
                "type": "integer",
                "minimum": 1,
                "description": "Number of the newest published ranking, or the next where this one names another verdict or first cause",
            },
            "model": _text("Version of the weights"),
            "computed_at": _time("When it was ranked"),
            "as_of": _time("Up to when it saw everything"),
            "blind_spots": {
                "type": "array",
                "items": _object({"service": _text(""), "kind": _text("A kind of change that nobody reported of it in 30 days")}),
            },
            "causes": {"type": "array", "items": cause, "description": "By probability, the rejected ones last"},
            "kinds": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Kinds of events that were looked for; one of another kind is no change and in no ranking. Not with `at`",
            },
        }
    )


def published_schema(event: Schema) -> Schema:
    """Return the schema of a published ranking in a list of problems: null before the first."""
    ranking = ranking_schema({}, event)
    properties = {name: schema for name, schema in ranking["properties"].items() if name not in ("problem", "kinds")}
    return {**ranking, "type": ["object", "null"], "properties": properties, "required": list(properties)}


def _summary() -> Schema:
    """Return the schema of a change of a published ranking that is gone since."""
    members = {"id": _text(""), "kind": _text(""), "title": _text(""), "service": _text(""), "ts": _time("")}
    return {**_object(members), "description": "With `at`: what the ranking told of a change that is gone"}


def effects_schema(problem: Schema, event: Schema) -> Schema:
    """Return the schema of the reverse, as `effects_http.py` shows it."""
    effect = _object(
        {
            "probability": _probability("That the change did this problem, as the problem's ranking has it"),
            "verdict": _verdict("Of the problem's ranking, which may be about another change"),
            "relation": {"type": "string", "enum": list(get_args(CauseRelation))},
            "offset_seconds": {"type": "number", "description": "From the change to the start of the problem, negative before it"},
            "feedback": {"enum": [None, *get_args(Feedback)]},
            "assessment": _assessment("What somebody said of the change in this problem"),
            "reasons": {"type": "array", "items": _reason()},
            "problem": problem,
        }
    )
    return _object(
        {
            "event": event,
            "truncated": {"type": "boolean", "description": "There were more problems, or too little time; the closest ones were ranked"},
            "effects": {"type": "array", "items": effect, "description": "By probability"},
        }
    )


def terms_schema() -> Schema:
    """Return the schema of what weights multiply, as `terms_http.py` shows it."""
    terms = {"type": "object", "additionalProperties": {"type": "number"}, "description": "Value by the name of its weight"}
    change = {"event_id": _text("The change"), "feedback": {"enum": [None, *get_args(Feedback)]}, "terms": terms}
    none = {"feedback": {"enum": [None, *get_args(AssessmentVerdict)]}, "terms": terms}
    weights = {"type": "object", "additionalProperties": {"type": "number"}}
    return _object(
        {
            "problem_id": _text("The problem"),
            "model": _object({"version": _text(""), "weights": weights}),
            "none": _object(none),
            "changes": {"type": "array", "items": _object(change), "description": "Every candidate, in the order of the ranking"},
        }
    )


def _reason() -> Schema:
    return _object(
        {
            "feature": _text("What speaks: a row of the table of features"),
            "contribution": {"type": "number", "description": "What it adds to the score; those of all reasons add up to it"},
            "text": _text("The reason in words; a time counts from the start of the problem"),
        }
    )


def _verdict(description: str) -> Schema:
    return {"type": "string", "enum": list(get_args(CauseVerdict)), "description": description}


def _assessment(description: str) -> Schema:
    members = {
        "verdict": {"type": "string", "enum": list(get_args(AssessmentVerdict))},
        "note": _text(""),
        "by": _text("Name of the token, empty without one"),
        "at": {"type": "string", "format": "date-time"},
    }
    return {"type": ["object", "null"], "properties": members, "description": description}


def onset_schema(event: Schema) -> Schema:
    """Return the schema of the answer where no problem is named."""
    ranking = ranking_schema({}, event)["properties"]
    time: Schema = {"type": "string", "format": "date-time"}
    about = {"service": _text("Service, by the name that aliases stand for"), "environment": _text(""), "at": time}
    return _object(about | {name: schema for name, schema in ranking.items() if name not in ("problem", "revision")} | {"as_of": time})


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description} if description else {"type": "string"}


def _time(description: str) -> Schema:
    return {**_text(description), "format": "date-time"}


def _probability(description: str) -> Schema:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}
