"""CTO.ai's query string as a question (CTO.ai, "Retrieve Events").

`$limit`, `$skip`, `$select` and `$sort` say how; every other name is a field of the event: `field=value`, `field[$gt]=value`,
`field[$in][]=value`. Actions compare without letter case, `_` and `-`, event names without letter case. Several tests mean and; one field
given twice means or. A blank name asks nothing: it is what a shell leaves of `$limit=10` between double quotes.

What must change together: `causeline.schemas.dialects.cto_ai.mapping.own_fields` and `_OWN`, which the store answers from its columns.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from causeline.query_api.questions.query import Document, EventFilter, Page, RawOp, RawSort, RawTest, TextFold
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.values.times import MAX_MS, MAX_TIME_TEXT, MIN_MS, epoch_ms, ms_of, parse_moment, rfc3339, with_plus
from causeline.schemas.web.errors import FieldError, Invalid

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1_000
_MAX_SKIP: Final = 10**15
_MAX_VALUES: Final = 100
_MAX_SORTS: Final = 10
_MAX_CONDITIONS: Final = 16
"""Bounds of one query. Each condition reads the JSON of every event once more, and the store plans for it before its bound of time counts:
a comparison takes 5 ms to plan, so 16 are less than 0.1 s. The values of one `$in` are one condition."""

_TEAM: Final = "team_id"
_TIME: Final = "timestamp"
_OWN: Final = frozenset({"id", _TIME})
_FOLDS: Final[dict[str, TextFold]] = {"event_action": "word", "event_name": "case"}
_OPS: Final[dict[str, RawOp]] = {"": "eq", "$in": "in", "$ne": "ne", "$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_COMPARED: Final = frozenset({"$gt", "$gte", "$lt", "$lte"})
OPERATORS: Final = tuple(op for op in _OPS if op)
_SORT: Final = re.compile(r"\$sort\[(.*)\]", re.DOTALL)
_SELECT: Final = re.compile(r"\$select(\[\d*\])?")
_FIELD: Final = re.compile(r"(.*?)(?:\[(\$?\w*)\])?(?:\[\d*\])?", re.DOTALL)
_DIGITS: Final = re.compile(r"[0-9]+")


class WorkflowQuestion(NamedTuple):
    """A question, and the fields that its answer shows beside `id` and `timestamp` (none: all)."""

    where: EventFilter
    page: Page
    select: frozenset[str]


def is_own_query(pairs: Iterable[tuple[str, str]]) -> bool:
    """Say whether a query on the path shared with the DESK Events API v1 is CTO.ai's: it names the team."""
    return any(name == _TEAM for name, _ in pairs)


def workflow_question(pairs: Iterable[tuple[str, str]], tenant: str, groups: tuple[str, ...] | None) -> WorkflowQuestion:
    """Return what a query string asks. Raises Invalid that names the parameter."""
    limit, skip = DEFAULT_LIMIT, 0
    sorts: list[RawSort] = []
    select: set[str] = set()
    values: dict[tuple[str, str], list[str]] = {}
    for name, value in pairs:
        if name == "$limit":
            limit = _number(name, value, range(1, MAX_LIMIT + 1))
        elif name == "$skip":
            skip = _number(name, value, range(_MAX_SKIP))
        elif sort := _SORT.fullmatch(name):
            sorts.append(_sort(name, sort[1], value))
        elif _SELECT.fullmatch(name):
            select.add(value)
        elif name.startswith("$"):
            raise _refusal(name, "is not an operator: $limit, $skip, $select[] and $sort[field] are")
        elif name and not name.startswith("["):
            values.setdefault(_field(name), []).append(value)
    if not any(value.strip() for value in values.get((_TEAM, ""), [])):
        raise _refusal(_TEAM, "must name a team")
    if len(sorts) > _MAX_SORTS:
        raise Invalid(f"a query has at most {_MAX_SORTS} keys to sort by", where="QUERY")
    teams = tuple(values.pop((_TEAM, "")))
    _check_size(values)
    tests = tuple(_test(field, op, operands) for (field, op), operands in values.items())
    from_ms, to_ms = _window(tests)
    where = EventFilter(tenant=tenant, groups=groups, dialects=(CTO_AI.name,), teams=teams, from_ms=from_ms, to_ms=to_ms, raw=tests)
    return WorkflowQuestion(where, _page(limit, skip, sorts), frozenset(select))


def _check_size(values: Mapping[tuple[str, str], list[str]]) -> None:
    if sum(map(len, values.values())) >= _MAX_VALUES:
        raise Invalid(f"a query has at most {_MAX_VALUES} values", where="QUERY")
    conditions = sum(len(operands) if op in _COMPARED else 1 for (_, op), operands in values.items())
    if conditions > _MAX_CONDITIONS:
        message = f"a query has at most {_MAX_CONDITIONS} conditions beside {_TEAM}, this one has {conditions}"
        raise Invalid(message, where="QUERY")


def _window(tests: Iterable[RawTest]) -> tuple[int | None, int | None]:
    """Return the span of time outside of which no event passes: the store finds it by its primary key."""
    times = [(test.op, ms_of(str(value))) for test in tests if test.member == _TIME for value in test.values]
    starts = [ms for op, ms in times if op in ("gt", "gte")]
    ends = [ms + 1 for op, ms in times if op in ("lt", "lte")]
    return max(starts, default=None), min(ends, default=None)


def _refusal(name: str, message: str) -> Invalid:
    name = name[:100]
    return Invalid(f"{name}: {message}", (FieldError(name, message),), where="QUERY")


def _number(name: str, text: str, bounds: range) -> int:
    if _DIGITS.fullmatch(text) is None or len(text) > len(str(bounds[-1])) or int(text) not in bounds:
        raise _refusal(name, f"must be a whole number from {bounds[0]} to {bounds[-1]}")
    return int(text)


def _document(field: str) -> Document:
    return "own" if field in _OWN else "sent"


def _sort(name: str, field: str, direction: str) -> RawSort:
    if direction not in ("1", "-1"):
        raise _refusal(name, "must be 1 or -1")
    return RawSort(field, direction == "-1", _document(field))


def _page(limit: int, skip: int, sorts: list[RawSort]) -> Page:
    """Return the page. Times have the order of events, so a last key that is the time needs no sorting by the store."""
    if sorts and sorts[-1].member == _TIME:
        return Page(limit=limit, offset=skip, order="desc" if sorts[-1].descending else "asc", sort=tuple(sorts[:-1]))
    return Page(limit=limit, offset=skip, sort=tuple(sorts))


def _field(name: str) -> tuple[str, str]:
    """Return the field and the operator of a parameter's name ('' for equality)."""
    match = _FIELD.fullmatch(name)
    field, op = (match[1], match[2] or "") if match else (name, "")
    if op.isdigit():  # field[0]=a: a list as some clients write it
        op = ""
    if op not in _OPS:
        raise _refusal(name, f"[{op[:60]}] is not an operator: {', '.join(OPERATORS)} are")
    return field, op


def _test(field: str, op: str, values: list[str]) -> RawTest:
    if field == _TIME:
        values = [_time(f"{field}[{op}]" if op else field, value) for value in values]
    kind = "in" if op == "" and len(values) > 1 else _OPS[op]
    return RawTest(field, kind, tuple(values), document=_document(field), fold=_FOLDS.get(field, ""))


def _time(name: str, text: str) -> str:
    """Return a time (ISO 8601 or milliseconds) as an event shows its own, so that the two compare as text."""
    try:
        ms = _epoch(text) if text.isascii() and text.isdecimal() and len(text) > len("2026") else parse_moment(with_plus(text)).ms
    except ValueError as error:
        raise _refusal(name, str(error)) from error
    return rfc3339(min(max(ms, MIN_MS), MAX_MS))


def _epoch(digits: str) -> int:
    """Return a number of milliseconds; beyond what a time can be, all are alike. Raises ValueError for what looks like seconds."""
    return epoch_ms(min(int(digits), MAX_MS)) if len(digits) <= MAX_TIME_TEXT else MAX_MS
