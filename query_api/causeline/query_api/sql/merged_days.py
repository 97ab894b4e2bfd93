"""Counts of a wide window, by day and without FINAL where days are merged.

FINAL merges every row of a window. But a merge leaves one row of a key, and a key lies at one time: where a day has rows in one part alone,
and that part is the outcome of a merge, nothing is left to merge. Its events are its rows that are not deleted; FINAL takes it so where a
month is one part (`do_not_merge_across_partitions_select_final`). Such days are counted from the projection `by_day`, which FINAL cannot
use, what else is in the window with FINAL, in one statement: the bounds of a query are those of the whole count.

Which days are merged follows from what the engine said of its parts a moment ago (`select_parts`): who counts asks again afterwards
(`adapters/clickhouse/counting.py`). The path of a part is another one after any merge, mutation or exchange of tables.

What must change together: the columns here are those of the projection, and `_DAY` its expression, in `clickhouse/0009_events_by_time.sql`.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from heapq import nlargest
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.questions.query import CountedBy, EventFilter
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.events import event_conditions, filter_fields
from causeline.query_api.sql.statements import Query
from causeline.schemas.migrations import BY_TIME_TABLE
from causeline.schemas.values.times import MAX_MS, MIN_MS

_DAY_MS: Final = 86_400_000
_WORTH_MS: Final = 8 * _DAY_MS
"""A window below this is counted with FINAL before the engine has told twice which parts it has (4 ms of CPU each)."""
_SPANS: Final = 32
"""Merged days with others between them are so many conditions; of more the longest spans are taken. A year of them is one."""

_FIELDS: Final = frozenset({"tenant", "from_ms", "to_ms", "dialects", "kinds", "exclude_kinds", "statuses", "environments"})
_LABELS: Final[Collection[CountedBy]] = ("kind", "status", "environment")
_DAY: Final = f"intDiv(toUnixTimestamp64Milli(e.ts), {_DAY_MS})"


class TablePart(msgspec.Struct, frozen=True):
    """A part: its month (`202611`, UTC), path, and level (0: no merge made it), and the times of its first and last row (s, UTC).

    Beyond 2106 the engine tells other times, which lie outside the month: then its rows may be anywhere in the month.
    """

    month: str
    path: str
    level: int
    first_s: int
    last_s: int

    def days(self) -> range:
        """Return the days (since 1970) on which it may have rows."""
        year, month = int(self.month[:4]), int(self.month[4:])
        starts = (datetime(y, m, 1, tzinfo=UTC) for y, m in ((year, month), (year + month // 12, month % 12 + 1)))
        low, high = (int(start.timestamp()) * 1_000 // _DAY_MS for start in starts)
        first, last = self.first_s * 1_000 // _DAY_MS, self.last_s * 1_000 // _DAY_MS
        return range(first, last + 1) if low <= first <= last < high else range(low, high)


class MergedDay(NamedTuple):
    """A day (since 1970) that has rows in one part alone, which a merge made, and the path of that part."""

    day: int
    path: str


class TimeSpan(NamedTuple):
    """From a time to another (ms UTC, the end exclusive)."""

    from_ms: int
    to_ms: int


def is_counted_by_day(where: EventFilter, step_ms: int = _DAY_MS, by: CountedBy = "kind") -> bool:
    """Return whether the projection has what is asked for, and the window is wide enough to ask for the parts."""
    is_known = where.groups is None and filter_fields(where) <= _FIELDS and by in _LABELS
    return is_known and step_ms % _DAY_MS == 0 and is_read_by_day(where)


def is_read_by_day(where: EventFilter) -> bool:
    """Return whether the window is wide enough to ask for the parts, for rows that are read as they lie where days are merged."""
    window = _window(where)
    return window.to_ms - window.from_ms >= _WORTH_MS


def select_parts(where: EventFilter) -> Query:
    """Return the query of the parts of the table, for a count with this filter.

    None of a table with replicas: each has parts of its own, and the next query may meet another one.
    """
    columns = "partition_id AS month, path, level, toUnixTimestamp(min_time) AS first_s, toUnixTimestamp(max_time) AS last_s"
    is_there = f"active AND database = currentDatabase() AND table = '{BY_TIME_TABLE}' AND engine = 'ReplacingMergeTree'"
    return Query("parts", f"SELECT {columns} FROM system.parts WHERE {is_there}", {}, tenant=where.tenant)  # noqa: S608 - constants


def merged_days(where: EventFilter, parts: Iterable[TablePart]) -> frozenset[MergedDay]:
    """Return the days that are merged and lie wholly in the window."""
    window = _window(where)
    whole = range(-(-window.from_ms // _DAY_MS), window.to_ms // _DAY_MS)
    part_of: dict[int, TablePart | None] = {}
    for part in parts:
        days = part.days()
        for day in range(max(days.start, whole.start), min(days.stop, whole.stop)):
            part_of[day] = part if day not in part_of else None
    return frozenset(MergedDay(day, part.path) for day, part in part_of.items() if part is not None and part.level > 0)


def merged_spans(days: Iterable[MergedDay]) -> list[TimeSpan]:
    """Return the spans of adjoining days, in order."""
    spans: list[TimeSpan] = []
    for day in sorted(days):
        start = day.day * _DAY_MS
        if spans and spans[-1].to_ms == start:
            spans[-1] = TimeSpan(spans[-1].from_ms, start + _DAY_MS)
        else:
            spans.append(TimeSpan(start, start + _DAY_MS))
    return sorted(nlargest(_SPANS, spans, key=lambda span: span.to_ms - span.from_ms))


def other_spans(where: EventFilter, spans: Iterable[TimeSpan]) -> list[TimeSpan]:
    """Return what of the window lies outside the spans, in order."""
    window = _window(where)
    edges = [window.from_ms, *(edge for span in spans for edge in span), window.to_ms]
    return [TimeSpan(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]


def count_by_day(where: EventFilter, days: Collection[MergedDay]) -> Query:
    """Return the query that counts matching events, as `n`. The days are merged ones of the window, at least one."""
    bind = Binding()
    text = f"SELECT sum(n) AS n FROM ({_both(bind, where, days, 'count() AS n')})"  # noqa: S608 - values are bound
    return Query("count_by_day", text, bind.values, tenant=where.tenant)


def histogram_by_day(where: EventFilter, step_ms: int, by: CountedBy, days: Collection[MergedDay]) -> Query:
    """Return the query of non-empty buckets of a step of whole days, as `events.select_histogram` does; see `count_by_day`."""
    bind = Binding()
    ms, step = f"{_DAY} * {_DAY_MS}", bind.number(step_ms)
    columns = f"{ms} - positiveModulo({ms}, {step}) AS bucket, toString(e.{by}) AS label, count() AS n"
    both = _both(bind, where, days, columns, " GROUP BY bucket, label")
    text = f"SELECT bucket, label, sum(n) AS n FROM ({both}) GROUP BY bucket, label ORDER BY bucket, label"  # noqa: S608 - `by` is a closed set
    return Query("histogram_by_day", text, bind.values, tenant=where.tenant)


def _both(bind: Binding, where: EventFilter, days: Collection[MergedDay], columns: str, rest: str = "") -> str:
    """Return the counts of the days, and those of the rest of the window."""
    conditions = event_conditions(bind, msgspec.structs.replace(where, from_ms=None, to_ms=None))
    spans = merged_spans(days)
    between = [f"{_DAY} BETWEEN {bind.number(low // _DAY_MS)} AND {bind.number(high // _DAY_MS - 1)}" for low, high in spans]
    months = {f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y%m}" for span in spans for ms in range(*span, _DAY_MS)}
    on_days = [*conditions, f"e._partition_id IN {bind.texts(sorted(months))}", f"({' OR '.join(between)})", "e.is_deleted = 0"]
    halves = [f"SELECT {columns} FROM {BY_TIME_TABLE} AS e WHERE {' AND '.join(on_days)}{rest}"]  # noqa: S608 - values are bound
    if others := other_spans(where, spans):
        times = [f"e.ts >= {bind.time(low)} AND e.ts < {bind.time(high)}" for low, high in others]
        elsewhere = [*conditions, f"({' OR '.join(times)})"]
        halves.append(f"SELECT {columns} FROM {BY_TIME_TABLE} AS e FINAL WHERE {' AND '.join(elsewhere)}{rest}")  # noqa: S608 - as above
    return " UNION ALL ".join(halves)


def _window(where: EventFilter) -> TimeSpan:
    return TimeSpan(MIN_MS if where.from_ms is None else where.from_ms, MAX_MS + 1 if where.to_ms is None else where.to_ms)
