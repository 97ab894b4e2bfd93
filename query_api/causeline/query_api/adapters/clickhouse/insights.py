"""Insights from ClickHouse: which kinds there are, then three queries side by side, each of merged days where the window is wide."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from causeline.query_api.adapters.clickhouse.counting import rows_by_day
from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.adapters.clickhouse.pool import RowDecoder
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.tallies import WHOLE, ActionCount, FlowStep, HourCount, InsightTallies, RunTally
from causeline.query_api.sql.insights import (
    MOST_KINDS,
    StageNumbers,
    insight_actions,
    insight_events,
    insight_flow,
    insight_kinds,
    insight_runs,
)
from causeline.query_api.sql.merged_days import is_read_by_day
from causeline.query_api.sql.statements import Query
from causeline.schemas.web.errors import TooMuch

_Row = TypeVar("_Row")


class _Kind(msgspec.Struct):
    kind: str


class _ActionRow(msgspec.Struct):
    stage: int
    action: str
    bucket: int
    n: int


class _RunRow(msgspec.Struct):
    """Runs of a stage in all, of a bucket, or of an hour of the week: that one is not -1."""

    stage: int
    bucket: int
    hour: int
    ended: int
    good: int
    timings: int
    quantiles: tuple[float | None, float | None, float | None]
    running: int
    never_finished: int


class _FlowRow(msgspec.Struct):
    stage: int
    n: int
    p50: float


_KINDS: Final = msgspec.json.Decoder(_Kind)
_ACTIONS: Final = msgspec.json.Decoder(_ActionRow)
_RUNS: Final = msgspec.json.Decoder(_RunRow)
_FLOW: Final = msgspec.json.Decoder(_FlowRow)


async def tally_events(queries: Queries, query: InsightQuery, within_s: float) -> InsightTallies:
    """Return what the events of a window amount to. `within_s` (s) bounds each query; raises as EventStore."""
    kinds = await queries.rows(insight_kinds(query), _KINDS)
    if len(kinds) > MOST_KINDS:
        raise TooMuch(f"more than {MOST_KINDS:,} names of events are near the window: name a team or a repository, or narrow the window")
    if not kinds:
        return InsightTallies((), (), (), ())
    numbers = StageNumbers(row.kind for row in kinds)
    stages = numbers.stages

    async def ask(question: Callable[..., Query], decoder: RowDecoder[_Row]) -> list[_Row]:
        where = insight_events(query)
        if not is_read_by_day(where):
            return await queries.rows(question(query, numbers), decoder)
        final = question(query, numbers)
        return await rows_by_day(queries, where, lambda days: question(query, numbers, days), final, decoder, within_s)

    actions, runs, flow = await asyncio.gather(ask(insight_actions, _ACTIONS), ask(insight_runs, _RUNS), ask(insight_flow, _FLOW))
    return InsightTallies(
        [ActionCount(stages[row.stage], row.action, row.bucket, row.n) for row in actions],
        [_run_tally(stages[row.stage], row) for row in runs if row.hour == WHOLE],
        [HourCount(stages[row.stage], row.hour, row.ended) for row in runs if row.hour != WHOLE and row.ended],
        [FlowStep(stages[row.stage], row.n, row.p50) for row in flow],
    )


def _run_tally(stage: str, row: _RunRow) -> RunTally:
    return RunTally(stage, row.bucket, row.ended, row.good, row.timings, row.quantiles, row.running, row.never_finished)
