"""The tools that a language model may call: what each takes, which call of the HTTP API it makes, and what is shown of the answer.

A tool is a call of the API that every client uses, so that tenants, groups, validation and messages are the same; what is its own is
a description for a model, a small bound on rows, and the short form of the answer (`causeline.query_api.mcp.views`). Pure.
`list_events` and `create_event` speak ApiTraffic's words (Event Markers API, "MCP Server Access"); the others the native API's.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple, get_args
from urllib.parse import urlencode

import msgspec

from causeline.deploy.server.mcp.arguments import Arguments
from causeline.query_api.mcp import views
from causeline.query_api.mcp.views import MAX_ROWS, ToolView
from causeline.query_api.questions import parameters
from causeline.query_api.questions.dora import DORA_PARAMETERS
from causeline.query_api.questions.parameters import MAX_TEXT, Parameter
from causeline.schemas.dialects.apitraffic.mapping import EventType
from causeline.schemas.web.calls import ApiCall
from causeline.schemas.web.errors import Invalid
from causeline.schemas.web.openapi import Schema

_DEFAULT_ROWS: Final = 20
_FEW: Final = 3
"""Causes that the first answer about a problem has: the verdict holds of these."""
_SOME: Final = 10
_MAX_VALUES: Final = 20
_SEVERAL: Final = {
    one.name
    for table in (parameters.EVENT_PARAMETERS, parameters.PROBLEM_PARAMETERS, parameters.CHANGES, DORA_PARAMETERS)
    for one in table
    if one.many
}
_OF_DORA: Final = ("from", "to", "tz", "service", "team", "repo", "project", "environment")
"""What a model may say of a question about metrics; series, groups and other definitions are for those who draw."""


class Tool(NamedTuple):
    """One tool. `call` makes a request of the arguments, `show` the result of the answer's JSON and the public address."""

    name: str
    description: str
    schema: Schema
    call: Callable[[Arguments], ApiCall]
    show: Callable[[Any, str], ToolView]
    writes: bool = False


_LIMIT: Final[Schema] = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_ROWS,
    "default": _DEFAULT_ROWS,
    "description": "Rows of a page",
}
_TEXT: Final[Schema] = {"type": "string", "maxLength": MAX_TEXT}
_TIME: Final[Schema] = {**_TEXT, "description": "ISO 8601 time with an offset, such as 2026-11-21T06:30:00Z"}
_ID: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 100}
_EVENT_TYPE: Final[Schema] = {"type": "string", "enum": list(get_args(EventType)), "description": "Event type"}

ACCOUNT: Final = "accountSid"
"""The path parameter that the server fills in: a model works in one account, the one of its token."""
_MARKERS: Final = f"/v1/accounts/{{{ACCOUNT}}}/events"


def _object(properties: Schema, required: Iterable[str] = ()) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _describe(schema: Schema, what: str) -> Schema:
    return {**schema, "description": what}


def _text(what: str) -> Schema:
    return _describe(_TEXT, what)


def _several(one: Schema, most: int) -> Schema:
    """Return the schema of what may be given once or more: a text or a list of texts, since models write both."""
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": most}]}


_SIDS: Final = _several(_TEXT, 100)


def _table(table: Iterable[Parameter], more: Schema | None = None) -> Schema:
    """Return the schema of a tool that takes the query parameters of a call."""
    return _object({one.name: _argument(one) for one in table} | (more or {}))


def _argument(parameter: Parameter) -> Schema:
    """Return the schema of a query parameter. A name has one form in all tools: what may be several in one is so in each, once or more."""
    if parameter.name == "limit":
        return _LIMIT
    one = {"maxLength": MAX_TEXT, **parameter.schema}
    # A pattern is judged by the call itself, whose message shows the accepted form.
    one.pop("pattern", None)
    form = _several(one, _MAX_VALUES if parameter.many else 1) if parameter.name in _SEVERAL else one
    return _describe(form, parameter.description)


def _query(arguments: Arguments) -> str:
    """Return arguments as the query string of a list. Raises Invalid as `_encode` does."""
    return _encode({"limit": _DEFAULT_ROWS, **arguments})


def _encode(arguments: Arguments) -> str:
    """Return arguments as a query string. Raises Invalid where a text is not Unicode (a lone surrogate)."""
    try:
        return urlencode(arguments, doseq=True)
    except UnicodeEncodeError as error:
        raise Invalid("an argument holds characters that are not Unicode", where="QUERY") from error


def _list(path: str, arguments: Arguments) -> ApiCall:
    return ApiCall("GET", path, query=_query(arguments))


def _one(path: str, arguments: Arguments) -> ApiCall:
    return ApiCall("GET", path, {"id": arguments["id"]})


def _create(arguments: Arguments) -> ApiCall:
    lists = {
        name: [value] if name in ("bucketSids", "environmentSids") and isinstance(value, str) else value
        for name, value in arguments.items()
    }
    try:
        return ApiCall("POST", _MARKERS, body=msgspec.json.encode(lists))
    except ValueError as error:
        raise Invalid(f"the event cannot be written as JSON: {error}") from error


def _changes(arguments: Arguments) -> ApiCall:
    problem = arguments.get("problem_id")
    if problem is None:
        return _list("/v1/changes", arguments)
    about = [name for name in ("at", "service", "environment", "entity", "tag") if name in arguments]
    if about:
        raise Invalid(f"{', '.join(about)}: is known from the problem; leave it out beside problem_id", where="QUERY")
    if "after" in arguments:
        raise Invalid("after: a ranking looks back only; with at and service in place of problem_id it says what came later", where="QUERY")
    return _causes({**arguments, "limit": min(arguments.get("limit", _FEW), _FEW)})


def _causes(arguments: Arguments) -> ApiCall:
    rest = {name: value for name, value in arguments.items() if name != "problem_id"}
    return ApiCall("GET", "/v1/problems/{id}/causes", {"id": arguments["problem_id"]}, _query({"limit": _SOME, **rest}))


def _dora(arguments: Arguments) -> ApiCall:
    return ApiCall("GET", "/v1/dora", query=_encode(arguments))


def _show_changes(answer: Any, base: str) -> ToolView:
    return views.few_causes(answer, base) if "problem" in answer else views.page("changes", answer["changes"], views.event, base, None)


def _rows(name: str, show: Callable[[Any, str], ToolView], answer: Any, base: str) -> ToolView:
    return views.page(name, answer[name], show, base, answer["next_cursor"])


def _show_markers(answer: Any, base: str) -> ToolView:
    return views.page("events", answer["records"], views.marker, base, answer.get("nextCursor"))


TOOLS: Final = (
    Tool(
        "list_events",
        "List event markers (ApiTraffic), newest first, with filtering by type, time range, and bucket.",
        _object(
            {
                "type": _EVENT_TYPE,
                "startTime": _describe(_TIME, "Only events that started at or after this ISO 8601 time"),
                "endTime": _describe(_TIME, "Only events that started before this ISO 8601 time"),
                "bucketSid": _text("Only events of this bucket, or of all buckets"),
                "environmentSid": _text("Only events of this environment, or of all environments"),
                "limit": _LIMIT,
                "cursor": _text("`next_cursor` of the page before, beside the same filters"),
            }
        ),
        partial(_list, _MARKERS),
        _show_markers,
    ),
    Tool(
        "create_event",
        "Create a new event marker (ApiTraffic): a deployment, an incident, a change of configuration or scale. An incident without endedAt"
        " opens a problem.",
        _object(
            {
                "type": _EVENT_TYPE,
                "name": _text("Human-readable event name, such as `v2.3.1 production release`"),
                "description": _text("Longer description of the event"),
                "source": _text("Where the event comes from, such as github_actions or manual"),
                "metadata": {"type": "object", "description": "Freeform keys and values: commit, branch, image tag, ticket"},
                "bucketSids": _describe(_SIDS, 'Buckets it applies to; all (["*"]) if absent'),
                "environmentSids": _describe(_SIDS, 'Environments it applies to; all (["*"]) if absent'),
                "startedAt": _describe(_TIME, "When it started, ISO 8601; now if absent"),
                "endedAt": {**_TIME, "type": ["string", "null"], "description": "When it ended, ISO 8601; absent for a point in time"},
            },
            ("type", "name"),
        ),
        _create,
        views.marker,
        writes=True,
    ),
    Tool(
        "search_events",
        "Search the events of every API (deployments, incidents, changes, builds, …) by time, words, service, environment and more.",
        _table(parameters.EVENT_PARAMETERS),
        partial(_list, "/v1/events"),
        partial(_rows, "events", views.event),
    ),
    Tool(
        "get_problem",
        "Get one problem: what it is about, when it opened and closed, and its transitions. Then ask what_changed with its id.",
        _object({"id": _describe(_ID, "Id of the problem, as list_problems gives it")}, ("id",)),
        partial(_one, "/v1/problems/{id}"),
        views.history,
    ),
    Tool(
        "list_problems",
        "List problems that were open at any moment of a time range, or that are open now (state: open).",
        _table(parameters.PROBLEM_PARAMETERS),
        partial(_list, "/v1/problems"),
        partial(_rows, "problems", views.problem),
    ),
    Tool(
        "what_changed",
        "What changed around a problem (problem_id), or around a time (at, and what it is about)? Of a problem: the verdict (likely,"
        " possible, none, unknown), the three likeliest changes with probability and reasons, and what nobody reports; find_causes has"
        " more. Of a time: changes of the same entity or service first, then the nearest. offset_seconds is negative before the problem"
        " began.",
        _table(parameters.CHANGES, {"problem_id": _describe(_ID, "Id of a problem; gives the time and what it is about")}),
        _changes,
        _show_changes,
    ),
    Tool(
        "find_causes",
        "Which change did a problem, or none? A verdict (likely, possible, none, unknown), the likeliest changes in whole with their"
        " probabilities and all reasons, and what nobody reports, which may hide a cause. what_changed gives the first three in short.",
        _object(
            {
                "problem_id": _describe(_ID, "Id of the problem, as list_problems gives it"),
                "before": _describe(_TEXT, parameters.LOOKBACK.description),
                "limit": {**_LIMIT, "default": _SOME, "description": "How many causes at most"},
            },
            ("problem_id",),
        ),
        _causes,
        views.causes,
    ),
    Tool(
        "dora",
        "How well is software delivered? The DORA metrics of a window (30 days without from and to): deployment frequency, change lead "
        "time, change fail rate, recovery, rework, time to restore; each with how many it is of, its 95 % interval and what was left "
        "out. A metric without a value is unknown, not zero; state says too_few or no_source. Name the version of the definition beside "
        "the numbers.",
        _table(one for one in DORA_PARAMETERS if one.name in _OF_DORA),
        _dora,
        views.dora_summary,
    ),
)
