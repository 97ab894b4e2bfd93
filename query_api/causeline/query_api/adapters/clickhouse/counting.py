"""Counts and histograms, and which way they go: by day where days of a wide window are merged (`sql/merged_days.py`), else with FINAL.

Rows may come in, and parts be merged, between the question which days are merged and the count. So that is asked again afterwards: of days
that are still in the same part alone the count read nothing else. Otherwise it is made again with these, which are fewer each time; with
none of them left it is made with FINAL.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.adapters.clickhouse.pool import RowDecoder
from causeline.query_api.adapters.clickhouse.rows import COUNTS
from causeline.query_api.questions.query import CountedBy, Edges, EventFilter, TimeBucket
from causeline.query_api.sql.events import count, select_histogram
from causeline.query_api.sql.merged_days import (
    MergedDay,
    TablePart,
    count_by_day,
    histogram_by_day,
    is_counted_by_day,
    merged_days,
    select_parts,
)
from causeline.query_api.sql.statements import Query
from causeline.schemas.web.errors import Unavailable

_Row = TypeVar("_Row")


class _LabelCount(msgspec.Struct):
    bucket: int
    label: str
    n: int


_LABELLED: Final = msgspec.json.Decoder(_LabelCount)
TABLE_PARTS: Final = msgspec.json.Decoder(TablePart)


async def count_events(queries: Queries, where: EventFilter, edges: Edges | None, within_s: float) -> int:
    """Return the number of matching events. `within_s` (s) bounds all the queries together; raises as EventStore, also where it is up."""
    query = count(where, edges)
    if edges is None and is_counted_by_day(where):
        return (await rows_by_day(queries, where, lambda days: count_by_day(where, days), query, COUNTS, within_s))[0].n
    return (await queries.rows(query, COUNTS))[0].n


async def count_buckets(queries: Queries, where: EventFilter, step_ms: int, by: CountedBy, within_s: float) -> list[TimeBucket]:
    """Return the non-empty buckets of a window in order, as `count_events` does."""
    query = select_histogram(where, step_ms, by)
    if is_counted_by_day(where, step_ms, by):
        rows = await rows_by_day(queries, where, lambda days: histogram_by_day(where, step_ms, by, days), query, _LABELLED, within_s)
    else:
        rows = await queries.rows(query, _LABELLED)
    buckets: dict[int, dict[str, int]] = {}
    for row in rows:
        buckets.setdefault(row.bucket, {})[row.label] = row.n
    return [TimeBucket(start, counts) for start, counts in buckets.items()]


async def rows_by_day(
    queries: Queries,
    where: EventFilter,
    by_day: Callable[[frozenset[MergedDay]], Query],
    final: Query,
    decoder: RowDecoder[_Row],
    within_s: float,
) -> list[_Row]:
    """Return the rows of `by_day` for the days that are merged, of `final` where none is."""
    try:
        async with asyncio.timeout(within_s):
            days = await _ask_days(queries, where)
            while days:
                rows = await queries.rows(by_day(days), decoder)
                days_left = days & await _ask_days(queries, where)
                if days_left == days:
                    return rows
                days = days_left
            return await queries.rows(final, decoder)
    except TimeoutError as silence:
        raise Unavailable("the store does not answer in time: ask again", retry_after_s=5) from silence


async def _ask_days(queries: Queries, where: EventFilter) -> frozenset[MergedDay]:
    """Return the merged days of the window; none where the engine does not tell, as it does not tell every user of a server."""
    try:
        return merged_days(where, await queries.rows(select_parts(where), TABLE_PARTS))
    except Unavailable:
        return frozenset()
