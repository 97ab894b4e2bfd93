"""OpenAPI of the native API's reading side, from the table that the parser uses."""

from collections.abc import Iterable
from typing import Any, Final, get_args

from causeline.query_api.dialects.native import cause_schemas, dora_schemas, insight_schemas
from causeline.query_api.questions import parameters
from causeline.query_api.questions.dora import DEPLOYMENT_PARAMETERS, DORA_PARAMETERS, SERIES_PARAMETERS
from causeline.query_api.questions.insights import INSIGHT_PARAMETERS
from causeline.query_api.questions.parameters import Parameter
from causeline.query_api.questions.query import MAX_BIN_KINDS, Relation
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.native.views import NOT_SHOWN
from causeline.schemas.records.delivery_work import DeliveryOutcome
from causeline.schemas.records.problem import Transition
from causeline.schemas.values.commits import COMMITS
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
        "/v1/events/{id}/effects": _get(
            "getEventEffects",
            "Which problems a change did: those in whose rankings it stands, by probability",
            parameters.EFFECT_PARAMETERS,
            cause_schemas.effects_schema(_ref("Problem"), _ref("Event")),
            by_id=_ID,
        ),
        "/v1/problems": _problems(),
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
            "Which change did a problem, or none: candidates by probability, with reasons that add up to their scores",
            parameters.CAUSE_PARAMETERS,
            cause_schemas.ranking_schema(_ref("ProblemHistory"), _ref("Event")),
            by_id=_ID,
        ),
        "/v1/causes": _get(
            "getCauses",
            "Which change would do a problem that began at a time, or none: a ranking without a problem",
            parameters.ONSET_PARAMETERS,
            cause_schemas.onset_schema(_ref("Event")),
        ),
        "/v1/problems/{id}/causes/terms": _get(
            "getProblemCauseTerms",
            "What weights multiply in a ranking of causes, of every candidate, and the weights in use: what a fit begins with",
            parameters.NO_PARAMETERS,
            cause_schemas.terms_schema(),
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
        "/v1/lanes": _get(
            "getLanes", "Events in lanes by a column and bins of time: what a picture of time shows", parameters.LANE_PARAMETERS, _lanes()
        ),
        "/v1/insights": _insights(),
        **_dora(),
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
        "of a problem is shown where the problem is, or ever was, as it is asked for. With `stream=causes` messages `causes`: every "
        "revision of a ranking, as `GET /v1/problems/{id}/causes` shows it, each cause with the `event_id`, kind, title, service and `ts` "
        "of its change in place of the whole event, and with `revision`, `occasion`, `is_news` and `as_of`"
    )
    operation["responses"]["200"] = {"description": words, "content": {"text/event-stream": {"schema": _text()}}}
    operation["responses"]["429"] = _error(
        "The tenant has its share of the streams, or of the readers of the past; repeat after Retry-After seconds"
    )
    operation["responses"]["503"] = _error("Too many streams, or the log does not answer; repeat after Retry-After seconds")
    return path_item


def _lanes() -> dict[str, Any]:
    number = {"type": "integer"}
    kinds = {**_counts(), "description": f"The {MAX_BIN_KINDS} most frequent kinds; `count` has the others too"}
    one_bin = _object({"start": _TIME, "count": number, "counts": kinds})
    lane = _object({"name": _text(), "count": number, "bins": {**_many(one_bin), "description": "Those that have events, in order"}})
    totals = {"lane_count": {**number, "description": "Of all lanes"}, "event_count": {**number, "description": "Of all lanes"}}
    return _object({"from": _TIME, "to": _TIME, "step": _text(), "by": _text(), "lanes": _many(lane), **totals})


def _problems() -> dict[str, Any]:
    summary = "Problems open at any moment of a window"
    path_item = _get("listProblems", summary, parameters.PROBLEM_LIST_PARAMETERS, _page_of("problems", "ListedProblem"))
    path_item["get"]["responses"]["200"]["content"]["text/csv"] = {
        "schema": {**_text(), "description": "A line each, where `Accept` prefers it or `format` says it; a next page is named by `Link`"}
    }
    return path_item


def _listed_problem() -> dict[str, Any]:
    causes = {**cause_schemas.published_schema(_ref("Event")), "description": "With `include=causes`: its newest published ranking"}
    return {"allOf": [_ref("Problem"), _object({"causes": causes})]}


def _insights() -> dict[str, Any]:
    summary = "What became of a team's tickets, builds, tests, deployments and other runs, by stage"
    path_item = _get("getInsights", summary, INSIGHT_PARAMETERS, insight_schemas.insights_schema())
    operation = path_item["get"]
    operation["description"] = insight_schemas.DEFINITION
    operation["responses"]["200"]["content"]["text/csv"] = {
        "schema": {**_text(), "description": "The stages of the whole window, a line each, where `Accept` prefers it or `format` says it"}
    }
    operation["responses"]["429"] = _error("The tenant has its share of the questions under way; repeat after Retry-After seconds")
    return path_item


def _dora() -> dict[str, Any]:
    paths = {
        "/v1/dora": _get("getDora", "DORA metrics of a window, with what they counted", DORA_PARAMETERS, dora_schemas.dora_schema()),
        "/v1/dora/deployments": _get(
            "listDoraDeployments",
            "What the metrics counted, and what they did not, each with its reason: in order of time",
            DEPLOYMENT_PARAMETERS,
            dora_schemas.deployments_schema(_CURSOR),
        ),
        "/v1/dora/series": _get(
            "getDoraSeries",
            "The metrics of each step, as dashboards read them (Grafana, JSON and Infinity data sources)",
            SERIES_PARAMETERS,
            dora_schemas.series_schema(),
        ),
    }
    over_share = _error("The tenant has its share of the questions under way; repeat after Retry-After seconds")
    for path_item in paths.values():
        path_item["get"]["description"] = dora_schemas.ALL_IN_WORDS
        path_item["get"]["responses"]["429"] = over_share
        path_item["get"]["responses"]["200"]["content"]["text/csv"] = {
            "schema": {
                **_text(),
                "description": "The same as a table, where `Accept` prefers it or `format` says it; a next page is named by `Link`",
            }
        }
    return paths


def _record(subject: str) -> dict[str, Any]:
    """Return the JSON Schema of a record as it is shown: its Avro fields, times as text, without what is not shown."""
    fields = [field for field in codec.latest(subject).definition["fields"] if field["name"] not in NOT_SHOWN]
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
    commit = {"anyOf": [_text(), _object({"id": _text(), "time": _TIME})]}
    schema["properties"][COMMITS] = {**schema["properties"][COMMITS], "items": commit}
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
        "ListedProblem": _listed_problem(),
        "ProblemHistory": _history(),
        "Change": {"allOf": [_ref("Event"), _object({"relation": _relation(), "offset_seconds": {"type": "number"}})]},
        "Delivery": _delivery(),
        "DeliveryHistory": {"allOf": [_ref("Delivery"), _object({"attempts": _many(_object(_attempt()))})]},
    },
)
