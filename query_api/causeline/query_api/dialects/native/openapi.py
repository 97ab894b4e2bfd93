"""OpenAPI of the native API's reading side, from the table that the parser uses."""

from collections.abc import Iterable
from typing import Any, Final, get_args

from causeline.query_api.dialects.native import cause_schemas
from causeline.query_api.questions import parameters
from causeline.query_api.questions.parameters import Parameter
from causeline.query_api.questions.query import Relation
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.delivery_work import DeliveryOutcome
from causeline.schemas.records.problem import Transition
from causeline.schemas.web.openapi import OpenApiPart
from causeline.schemas.wire import codec

_TIME: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}
_CURSOR: Final[dict[str, Any]] = {"type": ["string", "null"], "description": "`cursor` of the next page, null after the last one"}
_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
_DELIVERY_ID: Final = {**_ID, "schema": {"type": "string"}, "description": "The `webhook-id` that the receiver saw"}
_TYPES: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "long": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
    "array": {"type": "array", "items": {"type": "string"}},
}


def _paths() -> dict[str, Any]:
    histogram = _object({"buckets": _many(_object({"start": _TIME, "counts": _counts()})), "step": _text()})
    return {
        "/v1/events": _get("listEvents", "Events by time and filters", parameters.EVENT_PARAMETERS, _page_of("events", "Event")),
        "/v1/events/{id}": _get("getEvent", "One event", parameters.NO_PARAMETERS, _ref("Event"), by_id=_ID),
        "/v1/problems": _get(
            "listProblems", "Problems open at any moment of a window", parameters.PROBLEM_PARAMETERS, _page_of("problems", "Problem")
        ),
        "/v1/problems/{id}": _get(
            "getProblem", "One problem with its transitions", parameters.NO_PARAMETERS, _ref("ProblemHistory"), by_id=_ID
        ),
        "/v1/problems/{id}/changes": _get(
            "getProblemChanges",
            "What changed around a problem: closest relation first, then nearest in time",
            parameters.PROBLEM_CHANGE_PARAMETERS,
            _object({"problem": _ref("ProblemHistory"), "changes": _many(_ref("Change"))}),
            by_id=_ID,
        ),
        "/v1/problems/{id}/causes": _get(
            "getProblemCauses",
            "Which change did a problem, or none: candidates by probability, with the reasons that add up to their scores",
            parameters.CAUSE_PARAMETERS,
            cause_schemas.ranking_schema(_ref("ProblemHistory"), _ref("Event")),
            by_id=_ID,
        ),
        "/v1/changes": _get(
            "listChanges",
            "What changed around a time: closest relation first, then nearest in time",
            parameters.CHANGES,
            _object({"changes": _many(_ref("Change"))}),
        ),
        "/v1/annotations": _get(
            "listAnnotations",
            "Events as marks on a dashboard, newest first (Grafana, JSON annotation queries)",
            parameters.ANNOTATION_PARAMETERS,
            _many(_annotation()),
        ),
        "/v1/stream": _stream(),
        "/v1/deliveries": _get(
            "listDeliveries",
            "What was told to subscriptions: each delivery as its newest attempt, newest first by when Causeline took in what it tells",
            parameters.DELIVERY_PARAMETERS,
            _page_of("deliveries", "Delivery"),
        ),
        "/v1/deliveries/{id}": _get(
            "getDelivery", "One delivery with all its attempts", parameters.NO_PARAMETERS, _ref("DeliveryHistory"), by_id=_DELIVERY_ID
        ),
        "/v1/histogram": _get("getHistogram", "Events per bucket of time", parameters.HISTOGRAM, histogram),
    }


def _get(
    name: str, summary: str, table: Iterable[Parameter], answer: dict[str, Any], *, by_id: dict[str, Any] | None = None
) -> dict[str, Any]:
    path_parameters = [by_id] if by_id else []
    missing = {"404": _error("No such id in this tenant")} if by_id else {}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": [NATIVE.title],
            "parameters": [*path_parameters, *(parameter.describe() for parameter in table)],
            "responses": {
                "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
                "400": _error("A parameter is unknown, repeated or cannot be read (`errors` names it), or the question is over a bound"),
                **missing,
                "503": _error("The store cannot answer now, or not in time; repeat after Retry-After seconds"),
            },
        },
    }


def _stream() -> dict[str, Any]:
    name = "What comes to the log, as server-sent events, from now or from a moment in the past on"
    path_item = _get("followLog", name, parameters.STREAM_PARAMETERS, _text())
    operation = path_item["get"]
    operation["parameters"].append(
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "Go on behind the message with this id; browsers send it when they connect again",
            "schema": _text(),
        }
    )
    words = (
        "Messages `event` (as one event is shown) and `problem` (as problems are listed), `data` one line of JSON, a deleted one with "
        '`"deleted": true`; `gap` where the log was cut. A comment each 15 s of silence. A transition '
        "of a problem is shown where the problem is, or ever was, as it is asked for"
    )
    operation["responses"]["200"] = {"description": words, "content": {"text/event-stream": {"schema": _text()}}}
    operation["responses"]["429"] = _error(
        "The tenant has its share of the streams, or of the readers of the past; repeat after Retry-After seconds"
    )
    operation["responses"]["503"] = _error("Too many streams, or the log does not answer; repeat after Retry-After seconds")
    return path_item


_NOT_SHOWN: Final = ("is_deleted", "previous_service")


def _record(subject: str) -> dict[str, Any]:
    """Return the JSON Schema of a record as it is shown: its Avro fields, times as text, without what is not shown."""
    fields = [field for field in codec.latest(subject).definition["fields"] if field["name"] not in _NOT_SHOWN]
    return _object({field["name"]: {**_field_schema(field["type"]), "description": field.get("doc", "")} for field in fields})


def _field_schema(kind: Any) -> dict[str, Any]:
    if isinstance(kind, list):
        schema = _field_schema(next(option for option in kind if option != "null"))
        return {**schema, "type": [schema["type"], "null"]}
    if isinstance(kind, dict):
        return _TIME if kind.get("logicalType") == "timestamp-millis" else _TYPES[kind["type"]]
    return _TYPES[kind]


def _event() -> dict[str, Any]:
    schema = _record("event")
    schema["properties"]["raw"] = {"description": "The JSON that the client sent, unknown fields included"}
    return schema


def _history() -> dict[str, Any]:
    transition = _object({"transition": {"type": "string", "enum": list(get_args(Transition))}, "at": _TIME, "cause": _text()})
    following = {**_text(), "description": "The problem that reopened this one, empty without"}
    return {"allOf": [_ref("Problem"), _object({"next_id": following, "transitions": _many(transition)})]}


def _delivery() -> dict[str, Any]:
    properties = _record("delivery")["properties"]
    names = ("id", "subscription_id", "what", "entity", "version", "received")
    return _object({**{name: properties[name] for name in names}, **_attempt()})


def _attempt() -> dict[str, Any]:
    properties = _record("delivery")["properties"]
    names = ("attempt", "outcome", "detail", "took_ms", "at", "next_attempt")
    status = {"type": ["integer", "null"], "description": "HTTP status of the answer; null without one"}
    outcome = {**properties["outcome"], "enum": list(get_args(DeliveryOutcome))}
    return {**{name: properties[name] for name in names}, "outcome": outcome, "status_code": status}


def _annotation() -> dict[str, Any]:
    ms = {"type": "integer", "description": "Milliseconds since the epoch"}
    return _object({"time": ms, "timeEnd": ms, "title": _text(), "text": _text(), "tags": _many(_text()), "id": _text()})


def _relation() -> dict[str, Any]:
    return {"type": "string", "enum": list(get_args(Relation))}


def _counts() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"type": "integer"}}


def _page_of(name: str, schema: str) -> dict[str, Any]:
    return _object({name: _many(_ref(schema)), "next_cursor": _CURSOR})


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref("ProblemDetails")}}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _ref(schema: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _text() -> dict[str, Any]:
    return {"type": "string"}


PART: Final = OpenApiPart(
    _paths(),
    {
        "Event": _event(),
        "Problem": _record("problem"),
        "ProblemHistory": _history(),
        "Change": {"allOf": [_ref("Event"), _object({"relation": _relation(), "offset_seconds": {"type": "number"}})]},
        "Delivery": _delivery(),
        "DeliveryHistory": {"allOf": [_ref("Delivery"), _object({"attempts": _many(_object(_attempt()))})]},
    },
)
