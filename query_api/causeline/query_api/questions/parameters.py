"""The query parameters of the native reads: one table that the parser checks requests by and `openapi.py` shows.

An unknown parameter, a repeated one that takes one value, and a value that cannot be read are refused, all at once and by name. A
blank value is as good as none, since forms send every field they have.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast, get_args

from causeline.query_api.questions.query import By, LaneBy, Order
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.causes import CauseVerdict
from causeline.schemas.records.delivery_work import DeliveryOutcome, What
from causeline.schemas.records.problem import State, Transition
from causeline.schemas.values import tag_texts
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.values.times import MAX_TIME_TEXT, day_start, epoch_ms, is_day, ms_of, with_plus, within_range
from causeline.schemas.web.csv_answers import TABLE_FORMATS
from causeline.schemas.web.errors import FieldError, Invalid

_Value = TypeVar("_Value")

MAX_LIMIT: Final = 1_000
MAX_CAUSES: Final = 100
DEFAULT_LIMIT: Final = 100
MAX_SPAN_MS: Final = 3_660 * 86_400_000
_MAX_VALUES: Final = 100
"""Values of one filter: each becomes a bound parameter of the query."""
MAX_TEXT: Final = 4_096

_EPOCH: Final = re.compile(r"[0-9]{1,15}")
_NOW: Final = re.compile(r"now(?:([-+ ])(\w+))?")


class Parameter(NamedTuple):
    """One query parameter: its name, what it does, the JSON Schema of one value, whether it may be given more than once, or must be."""

    name: str
    description: str
    schema: dict[str, Any]
    many: bool = False
    is_required: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the parameter as OpenAPI describes it."""
        schema = {"type": "array", "items": self.schema} if self.many else self.schema
        style = {"style": "form", "explode": True} if self.many else {}
        return {"name": self.name, "in": "query", "required": self.is_required, "description": self.description, "schema": schema, **style}


_TEXT: Final[dict[str, Any]] = {"type": "string"}
_MOMENT: Final = "RFC 3339 with any offset, a date (its first instant in UTC), epoch milliseconds, or `now`, `now-2h`"
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 10_000}
_SPAN: Final[dict[str, Any]] = {"type": "string", "pattern": r"^\d+(ms|s|m|h|d)$"}


def _filter(name: str, what: str, schema: dict[str, Any] = _TEXT) -> Parameter:
    return Parameter(name, f"{what}; given twice means or", schema, many=True)


def _choice(values: Iterable[str], default: str = "") -> dict[str, Any]:
    return {"type": "string", "enum": list(values), **({"default": default} if default else {})}


FROM: Final = Parameter("from", f"Not before this time: {_MOMENT}", _TEXT)
TO: Final = Parameter("to", f"Before this time: {_MOMENT}", _TEXT)
_DIALECT: Final = _filter("dialect", "API the event came through", _choice(DIALECTS.names))
_KIND: Final = _filter("kind", "Kind, such as deployment or config_change; letter case does not matter")
_STATUS: Final = _filter("status", "Status in the dialect's words; letter case does not matter")
_SERVICE: Final = _filter("service", "Service")
_ENVIRONMENT: Final = _filter("environment", "Environment")
_PRIORITY: Final = _filter("priority", "Priority, P1 to P5")
_TEAM: Final = _filter("team", "Team")
_CORRELATION: Final = _filter(
    "correlation_id", "What problems that come back have in common: `correlation_id` as a problem shows it, not as clients send it"
)
_ENTITY: Final = _filter("entity", "Entity it is attached to")
_TAG: Final = _filter(
    "tag", "Tag as `key:value`; a colon of the key is written as `\\:`", {"type": "string", "pattern": tag_texts.TAG_PATTERN}
)
_WORDS: Final = Parameter(
    "q",
    "Words that must all occur in title or text, in any letter case. A word is a run of letters or digits, a symbol such as an"
    " emoji is one of its own, all else separates. Text that is written without spaces (Chinese, Japanese, Thai) is found as a whole only",
    _TEXT,
)
_ORDER: Final = Parameter("order", "Newest or oldest first", _choice(get_args(Order), "desc"))


def limit(maximum: int, default: int) -> Parameter:
    """Return the parameter `limit` of a call."""
    return Parameter("limit", "Rows of a page", {"type": "integer", "minimum": 1, "maximum": maximum, "default": default})


TABLE_FORMAT: Final = Parameter(
    "format", "`csv`: a table, `json`: not, whatever `Accept` says; a link has no header", _choice(TABLE_FORMATS)
)
_LIMIT: Final = limit(MAX_LIMIT, DEFAULT_LIMIT)
_CURSOR: Final = Parameter("cursor", "`next_cursor` of the page before, beside the same filters", _TEXT)
_BEFORE: Final = Parameter("before", "How far the window reaches back: `30s`, `15m`, `2h`, `7d`", {**_SPAN, "default": "2h"})
_AFTER: Final = Parameter("after", "How far the window reaches on", {**_SPAN, "default": "15m"})

STREAMED_UNASKED: Final = ("events", "problems")
STREAMED: Final = (*STREAMED_UNASKED, "causes")
_EVENT_FILTERS: Final = (FROM, TO, _DIALECT, _KIND, _STATUS, _SERVICE, _ENVIRONMENT, _PRIORITY, _ENTITY, _TAG, _WORDS)
PAGING_PARAMETERS: Final = (_ORDER, _LIMIT, _CURSOR)

NO_PARAMETERS: Final[tuple[Parameter, ...]] = ()
EVENT_PARAMETERS: Final = (*_EVENT_FILTERS, _TEAM, *PAGING_PARAMETERS)
ANNOTATION_PARAMETERS: Final = (*_EVENT_FILTERS, _TEAM, _LIMIT)
PROBLEM_PARAMETERS: Final = (
    Parameter("from", f"Open at or after this time: {_MOMENT}", _TEXT),
    Parameter("to", f"Begun before this time: {_MOMENT}", _TEXT),
    Parameter("state", "State now; a deadline that has passed closes a problem", _choice(get_args(State))),
    *(_DIALECT, _KIND, _SERVICE, _ENVIRONMENT, _PRIORITY, _CORRELATION, _ENTITY, _TAG, _WORDS),
    *PAGING_PARAMETERS,
)
MAX_WITH_CAUSES: Final = 100
"""Problems of a page that is asked for with their causes: a ranking is as large as its problem."""
PROBLEM_LIST_PARAMETERS: Final = (
    *PROBLEM_PARAMETERS,
    Parameter(
        "include",
        f"`causes`: each problem with the ranking that was published of it last, null before that; at most {MAX_WITH_CAUSES} a page",
        _choice(("causes",)),
    ),
    TABLE_FORMAT,
)
PROBLEM_CHANGE_PARAMETERS: Final = (_BEFORE, _AFTER, _LIMIT)
LOOKBACK: Final = Parameter(
    "before",
    "How far back changes of every kind are looked for: `30m`, `4h`, `3d`; without it as far as each kind may work, 4 hours to 3 days",
    _SPAN,
)
CAUSE_PARAMETERS: Final = (
    Parameter("at", f"The ranking that was published by this time, not one of now; not beside `before`: {_MOMENT}", _TEXT),
    LOOKBACK,
    limit(MAX_CAUSES, 10),
)
ONSET_PARAMETERS: Final = (
    Parameter("service", "Service that something is wrong with; an alias stands for its service", _TEXT, is_required=True),
    Parameter("environment", "Environment in which something is wrong", _TEXT),
    Parameter("at", f"When it began to go wrong, not in the future: {_MOMENT}", {**_TEXT, "default": "now"}),
    LOOKBACK,
    limit(MAX_CAUSES, 10),
)
EFFECT_PARAMETERS: Final = (limit(MAX_CAUSES, 10),)
CHANGES: Final = (
    Parameter("at", f"What the changes are compared with in time: {_MOMENT}", {**_TEXT, "default": "now"}),
    *(_BEFORE, _AFTER),
    Parameter("service", "Service that changes are related to", _TEXT),
    Parameter("environment", "Environment that changes are related to", _TEXT),
    Parameter("entity", "Entity that changes are related to; may be given more than once", _TEXT, many=True),
    Parameter(
        "tag",
        "Tag as `key:value` (a colon of the key is `\\:`) that changes are related to; may be given more than once",
        _TAG.schema,
        many=True,
    ),
    Parameter("lasting", "Only changes that last so long, from their start to their end, or longer", _SPAN),
    _LIMIT,
)
STREAM_PARAMETERS: Final = (
    _filter("stream", "What is followed, without it events and problems", _choice(STREAMED)),
    Parameter("from", f"Begin with what was written to the log at this time, without it now: {_MOMENT}", _TEXT),
    Parameter("last_event_id", "Go on behind the message with this id; the header `Last-Event-ID` does the same and wins", _TEXT),
    *_EVENT_FILTERS[2:],
    _filter("transition", "Transition of a problem", _choice(get_args(Transition))),
    _filter("verdict", "Verdict of a ranking, where `stream` names causes", _choice(get_args(CauseVerdict))),
)
_OUTCOME: Final = _filter("outcome", "How the newest attempt ended", _choice(get_args(DeliveryOutcome)))
_TAKEN_IN: Final = (
    Parameter("from", f"Causeline took in what is told, not before this time: {_MOMENT}", _TEXT),
    Parameter("to", f"Causeline took in what is told, before this time: {_MOMENT}", _TEXT),
)
DELIVERY_PARAMETERS: Final = (
    *_TAKEN_IN,
    _filter("subscription", "Id of the subscription"),
    _OUTCOME,
    _filter("what", "What is told", _choice(get_args(What))),
    _filter("entity", "Id of the event or problem that is told, or whose causes are"),
    *PAGING_PARAMETERS,
)
REDELIVERY_PARAMETERS: Final = (
    *_TAKEN_IN,
    Parameter("outcome", "Which deliveries are sent again", _choice(("dead",), "dead")),
    Parameter("limit", "How many at most", _LIMIT.schema),
    Parameter("cursor", "`next_cursor` of the answer before, beside the same members", _TEXT),
)
HISTOGRAM: Final = (
    *_EVENT_FILTERS,
    _TEAM,
    Parameter("step", "Length of a bucket; at most 5,000 buckets", {**_SPAN, "default": "5m"}),
    Parameter("by", "What is counted by", _choice(get_args(By), "kind")),
)
MAX_LANE_COUNT: Final = 40
MAX_LANE_BINS: Final = 500
LANE_PARAMETERS: Final = (
    *_EVENT_FILTERS,
    _TEAM,
    Parameter("by", "What a lane is", _choice(get_args(LaneBy), "service")),
    Parameter("step", f"Length of a bin; at most {MAX_LANE_BINS} bins", {**_SPAN, "default": "5m"}),
    limit(MAX_LANE_COUNT, MAX_LANE_COUNT),
    Parameter("skip", "How many lanes before the first one, of those with the most events first", {**_COUNT, "default": 0}),
)


def parse_time(text: str, now: int) -> int:
    """Return a time (ms UTC) of a query string. Raises ValueError that shows the accepted forms.

    A `+` that a client did not percent-encode arrives as a space and is read as the `+` it was.
    """
    text = text.strip()
    if len(text) > MAX_TIME_TEXT:
        return ms_of(text)
    relative = _NOW.fullmatch(text)
    if relative is not None:
        sign, duration = relative.groups()
        return within_range(now if duration is None else now + duration_ms(duration) * (-1 if sign == "-" else 1))
    if is_day(text):
        return day_start(text)
    if _EPOCH.fullmatch(text) is not None:
        return epoch_ms(int(text))
    return ms_of(with_plus(text))


def _span(text: str) -> int:
    span = duration_ms(text)
    if span > MAX_SPAN_MS:
        raise ValueError(f"{text!r} is more than {MAX_SPAN_MS // 86_400_000} days")
    return span


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:9]) <= _COUNT["maximum"]:
        return int(text)
    raise ValueError(f"{text[:100]!r} is not a number from 0 to {_COUNT['maximum']}")


def _page_size(text: str, maximum: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(maximum)) and 1 <= int(text) <= maximum:
        return int(text)
    raise ValueError(f"{text[:100]!r} is not a number from 1 to {maximum}")


class ParsedParameters:
    """The parameters of one request. Values that cannot be read are collected; `check` refuses the request and names them all."""

    def __init__(self, table: Sequence[Parameter], pairs: Iterable[tuple[str, str]], now: int) -> None:
        self.now = now
        self.errors: list[FieldError] = []
        self._table = {parameter.name: parameter for parameter in table}
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in self._table:
                self._break(name[:100], "is not a parameter of this call")
            elif value.strip():
                self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            self._judge(self._table[name], values)

    @property
    def question(self) -> list[tuple[str, str]]:
        """What was asked, whatever the page: every parameter but `cursor` and `limit`."""
        return [(name, value) for name, values in self._values.items() if name not in ("cursor", "limit") for value in values]

    def text(self, name: str) -> str:
        """Return the value of a parameter that takes one, its default or '' without."""
        values = self._values.get(name)
        return values[0] if values else str(self._table[name].schema.get("default", ""))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of a filter."""
        return tuple(self._values.get(name, ()))

    def value(self, name: str, read: Callable[[str], _Value], default: _Value) -> _Value:
        """Return what `read` makes of a text, the default without one, or where it raises ValueError, which refuses the parameter."""
        text = self.text(name)
        if not text:
            return default
        try:
            return read(text)
        except ValueError as error:
            self._break(name, str(error))
            return default

    def moment(self, name: str) -> int | None:
        """Return a time (ms UTC), None without."""
        return self.value(name, lambda text: parse_time(text, self.now), None)

    def span(self, name: str) -> int:
        """Return a duration in ms."""
        return self.value(name, _span, 0)

    def limit(self) -> int:
        """Return how many rows a page has, within what the table says of `limit`."""
        schema = self._table["limit"].schema
        default: int = schema["default"]
        return self.value("limit", lambda text: _page_size(text, schema["maximum"]), default)

    def skip(self) -> int:
        """Return how many rows lie before those that are asked for."""
        return self.value("skip", _count, 0)

    def order(self) -> Order:
        """Return the order of rows, newest first where the call takes none."""
        return cast("Order", self.text("order")) if "order" in self._table else "desc"

    def tags(self) -> tuple[tuple[str, str], ...]:
        """Return the wanted tags as (key, value)."""
        try:
            return tuple(tag_texts.tag_of(text) for text in self.texts("tag"))
        except ValueError as error:
            self._break("tag", str(error))
            return ()

    def refuse(self, name: str, message: str) -> None:
        """Say what is wrong with a parameter beyond its form; `check` raises it."""
        self._break(name, message)

    def check(self) -> None:
        """Raise Invalid with every broken parameter, if there is one."""
        if self.errors:
            raise Invalid.naming(self.errors, where="QUERY")

    def _judge(self, parameter: Parameter, values: list[str]) -> None:
        if not parameter.many and len(values) > 1:
            self._break(parameter.name, "takes one value")
        if len(values) > _MAX_VALUES:
            self._break(parameter.name, f"takes at most {_MAX_VALUES} values")
        choices = parameter.schema.get("enum")
        for value in values[:_MAX_VALUES]:
            if len(value) > MAX_TEXT:
                self._break(parameter.name, f"is longer than {MAX_TEXT} characters")
            elif choices is not None and value not in choices:
                self._break(parameter.name, f"{value[:100]!r} is not one of {', '.join(choices)}")

    def _break(self, name: str, message: str) -> None:
        self.errors.append(FieldError(name, message))
