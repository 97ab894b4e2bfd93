"""Tracker's statistics: how many events there are, by code and service, of a search or month by month (UTC).

Every number is a count of events by their own time, and every key is a name as the released Tracker shows it (`rpa_usage`, `TNR`), whatever
the profile. An event without the field is not counted by it. The answers are the JSON of the messages `GetEventStatsResponse` and
`GetEventStatsByMonthResponse`, which are made of them: names change together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import CountedBy, EventFilter, TimeBucket
from causeline.schemas.dialects.tracker.codes import CodeField, released_name
from causeline.schemas.dialects.tracker.times import DAY_MS
from causeline.schemas.values.times import MAX_MS, MIN_MS

NamedCounts = dict[str, int]

_BY: Final[Mapping[str, tuple[CountedBy, CodeField | None]]] = {
    "byType": ("kind", "type"),
    "byStatus": ("status", "status"),
    "byPriority": ("priority", "priority"),
    "byEnvironment": ("environment", "environment"),
    "byService": ("service", None),
}
_MONTHLY: Final = ("byType", "byStatus")
_MONTHS: Final = 12
_WHOLE: Final = MAX_MS + 1
"""A bucket that holds all time: one count for each label."""


def last_year(where: EventFilter, now: int) -> EventFilter:
    """Return the filter, bounded to this UTC month and the eleven before it where it has no bound of its own."""
    if where.from_ms is not None or where.to_ms is not None:
        return where
    at = datetime.fromtimestamp(now / 1_000, UTC)
    months = at.year * 12 + at.month - _MONTHS
    start = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
    return msgspec.structs.replace(where, from_ms=int(start.timestamp()) * 1_000)


def _month(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m")


def _named_counts(code: CodeField | None, counts: Mapping[str, int]) -> NamedCounts:
    counts_by_name = {str(released_name(code, label)) if code else label: n for label, n in counts.items() if label}
    return dict(sorted(counts_by_name.items(), key=lambda one: (-one[1], one[0])))


def _sum_counts(buckets: Iterable[TimeBucket]) -> NamedCounts:
    sums: NamedCounts = defaultdict(int)
    for bucket in buckets:
        for label, n in bucket.counts.items():
            sums[label] += n
    return sums


async def totals(store: EventStore, where: EventFilter) -> dict[str, Any]:
    """Return `totalCount` and the counts by type, status, priority, environment and service, the most frequent first."""
    answer: dict[str, Any] = {"totalCount": await store.count(where)}
    bounded_where = _with_bounds(where)
    for name, (by, code) in _BY.items():
        answer[name] = _named_counts(code, _sum_counts(await store.histogram(bounded_where, _WHOLE, by)))
    return answer


async def monthly(store: EventStore, where: EventFilter, group_by: CountedBy | None = None) -> dict[str, Any]:
    """Return the counts of `months` that have events, in order: `month` (`2024-01`), `totalCount`, and counts by type and status.

    `stats` are the same counts as rows of year, month and service; with `group_by` `service` there is one for each service of a month.
    """
    months: dict[str, dict[str, Any]] = {}
    bounded_where = _with_bounds(where)
    for name in _MONTHLY:
        by, code = _BY[name]
        for month, counts in (await _by_month(store, bounded_where, by)).items():
            entry = months.setdefault(month, {"month": month, "totalCount": sum(counts.values())})
            entry[name] = _named_counts(code, counts)
    entries = [months[month] for month in sorted(months)]
    groups = await _by_month(store, bounded_where, group_by) if group_by else {one["month"]: {"": one["totalCount"]} for one in entries}
    stats = [_row(month, label, n) for month in sorted(groups) for label, n in sorted(groups[month].items())]
    return {"stats": stats, "totalCount": sum(one["totalCount"] for one in entries), "months": entries}


async def _by_month(store: EventStore, where: EventFilter, by: CountedBy) -> dict[str, NamedCounts]:
    days: dict[str, list[TimeBucket]] = defaultdict(list)
    for bucket in await store.histogram(where, DAY_MS, by):
        days[_month(bucket.start)].append(bucket)
    return {month: _sum_counts(buckets) for month, buckets in days.items()}


def _row(month: str, service: str, count: int) -> dict[str, Any]:
    year, _, number = month.partition("-")
    return {"year": int(year), "month": int(number), "count": count, "service": service}


def _with_bounds(where: EventFilter) -> EventFilter:
    """Return the filter with both bounds, which a histogram wants."""
    first = MIN_MS if where.from_ms is None else where.from_ms
    last = MAX_MS + 1 if where.to_ms is None else where.to_ms
    return msgspec.structs.replace(where, from_ms=first, to_ms=last)
