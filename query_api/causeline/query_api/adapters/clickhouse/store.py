"""The event store on ClickHouse, embedded or a server.

Queries run on the handles of one pool (`pool.py`). Rows come as JSON lines or packed (`rows.py`) straight into
records: decoding costs 2 to 4 us a row, as little as the client's native columns, and a time is never a datetime.
"""

import asyncio
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Final

import msgspec
from clickhouse_connect.driver.client import Client

from causeline.query_api.adapters.clickhouse.counting import count_buckets, count_events
from causeline.query_api.adapters.clickhouse.deliveries import ClickHouseDeliveries
from causeline.query_api.adapters.clickhouse.dora import ClickHouseDora
from causeline.query_api.adapters.clickhouse.fresh import FreshQueries, Queries
from causeline.query_api.adapters.clickhouse.insights import tally_events
from causeline.query_api.adapters.clickhouse.laying_out import read_lanes
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.pool import QueryPool
from causeline.query_api.adapters.clickhouse.rows import COUNTS, EventRows
from causeline.query_api.adapters.clickhouse.unsettled import SettlingQueries
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.tallies import InsightTallies
from causeline.query_api.live.problem_past import MAX_LOOKS
from causeline.query_api.questions.query import (
    ChangeQuery,
    ChangeRate,
    ChangeUpdate,
    CountedBy,
    Edges,
    EventFilter,
    LaneAnswer,
    LaneQuery,
    Page,
    ProblemFilter,
    ProblemHistory,
    RateQuery,
    RelatedChange,
    TimeBucket,
    UpdateQuery,
)
from causeline.query_api.questions.relation import offset_seconds, relation_of
from causeline.query_api.questions.views import as_of
from causeline.query_api.reading.walking import WIDTHS_MS, windows
from causeline.query_api.sql import events as sql_events
from causeline.query_api.sql import problems as sql_problems
from causeline.query_api.sql.revisions import select_revision, select_revisions
from causeline.query_api.sql.statements import Query
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.web.principal import Groups


class _Id(msgspec.Struct):
    id: str


_ANSWERS_S: Final = 3
"""Shorter than readiness looks back (5 s): a store that hangs must not make everything else look stale."""

_EVENTS: Final = EventRows()
_PROBLEMS: Final = msgspec.json.Decoder(Problem)
_IDS: Final = msgspec.json.Decoder(_Id)
_RATES: Final = msgspec.json.Decoder(ChangeRate)
_REVISIONS: Final = msgspec.json.Decoder(CauseRevision)
_UPDATES: Final = msgspec.json.Decoder(ChangeUpdate)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class ClickHouseEventStore:
    """See EventStore. `connect` opens one handle on the database with Causeline's tables; it is called once per thread, at first use.

    `clock` (ms UTC) is where a newest-first list without an end begins to look; events after it are found too.
    """

    def __init__(self, connect: Callable[[], Client], limits: QueryLimits | None = None, clock: Callable[[], int] = _now_ms) -> None:
        self._clock = clock
        limits = limits or QueryLimits()
        self._within_s: Final = limits.within_s
        self._handles: Final = QueryPool(connect, limits)
        self._settling: Final = SettlingQueries(self._handles)
        self.pool: Queries = self._settling
        self.deliveries: Final = ClickHouseDeliveries(self._handles, clock)
        self.dora: Final = ClickHouseDora(self._handles)

    @property
    def fresh(self) -> "ClickHouseEventStore":
        """See EventStore: the same handles, with queries that a replica answers only when it lacks nothing acknowledged."""
        fresh = copy.copy(self)
        fresh.pool = FreshQueries(self._settling)
        return fresh

    async def close(self) -> None:
        """Let running queries end, refuse others, and close the handles."""
        await self._handles.close()

    @property
    def stuck(self) -> str:
        """Say why queries are not even begun any more, '' where they are: a store that is only slow, or gone, gives its handles back."""
        return self._handles.stuck

    async def answers(self) -> bool:
        """Return whether the store answers at all."""
        try:
            async with asyncio.timeout(_ANSWERS_S):
                return bool(await self._handles.alone(Query("answers", "SELECT 1 AS n", {}), COUNTS))
        except (Unavailable, TimeoutError):
            return False

    async def event(self, tenant: str, event_id: str, groups: Groups = None) -> Event | None:
        """See EventStore: one primary-key look-up where the id tells the time and no patch moved the event, else two."""
        ts = ids.ts_of(event_id)
        rows = await self.pool.rows(sql_events.event_at(tenant, event_id, ts, groups), _EVENTS) if ts is not None else []
        rows = rows or await self.pool.rows(sql_events.event_by_key(tenant, event_id, groups), _EVENTS)
        return rows[0] if rows else None

    async def event_by_low(self, tenant: str, low: int, ts: int | None, groups: Groups = None) -> Event | None:
        """See EventStore."""
        rows = await self.pool.rows(sql_events.event_by_low(tenant, low, ts, groups), _EVENTS)
        return rows[0] if rows else None

    async def events_by_id(self, tenant: str, event_ids: Sequence[str], groups: Groups = None) -> dict[str, Event]:
        """See EventStore: one question."""
        rows = await self.pool.rows(sql_events.events_by_id(tenant, event_ids, groups), _EVENTS) if event_ids else []
        return {event.id: event for event in sorted(rows, key=attrgetter("version"))}

    async def events(self, where: EventFilter, page: Page, edges: Edges | None = None) -> list[Event]:
        """See EventStore. In the order of time the page is walked to (`walking.py`); any other order needs all of the rows."""
        if page.sort or (page.offset and page.after):
            return await self.pool.rows(sql_events.select_events(where, page, edges), _EVENTS)
        edge = self._clock() if page.order == "desc" else await self._oldest(where, page)
        return await self._walk(windows(where, page, edge), page, edges)

    async def count(self, where: EventFilter, edges: Edges | None = None) -> int:
        """See EventStore."""
        return await count_events(self.pool, where, edges, self._within_s)

    async def histogram(self, where: EventFilter, step_ms: int, by: CountedBy) -> list[TimeBucket]:
        """See EventStore."""
        return await count_buckets(self.pool, where, step_ms, by, self._within_s)

    async def lanes(self, query: LaneQuery) -> LaneAnswer:
        """See EventStore: two questions, one after the other."""
        return await read_lanes(self.pool, query)

    async def insights(self, query: InsightQuery) -> InsightTallies:
        """See EventStore: three questions at once."""
        return await tally_events(self.pool, query, self._within_s)

    async def changes(self, query: ChangeQuery) -> list[RelatedChange]:
        """See EventStore."""
        events = await self.pool.rows(sql_events.select_changes(query), _EVENTS)
        return [RelatedChange(event, relation_of(event, query), offset_seconds(event, query.at)) for event in events]

    async def rates(self, query: RateQuery) -> list[ChangeRate]:
        """See EventStore."""
        return await self.pool.rows(sql_events.select_rates(query), _RATES)

    async def updates(self, query: UpdateQuery) -> list[ChangeUpdate]:
        """See EventStore."""
        return await self.pool.rows(sql_events.select_updates(query), _UPDATES)

    async def problems(self, where: ProblemFilter, page: Page) -> list[Problem]:
        """See EventStore."""
        return [as_of(problem, where.now) for problem in await self.pool.rows(sql_problems.select_problems(where, page), _PROBLEMS)]

    async def problem(self, tenant: str, problem_id: str, now: int) -> ProblemHistory | None:
        """See EventStore."""
        transitions, following = await asyncio.gather(
            self.pool.rows(sql_problems.select_transitions(tenant, problem_id), _PROBLEMS),
            self.pool.rows(sql_problems.select_reopening(tenant, problem_id), _IDS),
        )
        if not transitions or transitions[-1].is_deleted:
            return None
        return ProblemHistory(as_of(transitions[-1], now), transitions, following[0].id if following else "")

    async def looks(self, tenant: str, problem_ids: Sequence[str]) -> list[Problem]:
        """See EventStore."""
        return await self.pool.rows(sql_problems.looks(tenant, problem_ids, MAX_LOOKS), _PROBLEMS)

    async def cause_revision(self, tenant: str, problem_id: str, at: int | None = None) -> CauseRevision | None:
        """See EventStore."""
        rows = await self.pool.rows(select_revision(tenant, problem_id, at), _REVISIONS)
        return rows[0] if rows else None

    async def cause_revisions(self, tenant: str, problem_ids: Sequence[str]) -> dict[str, CauseRevision]:
        """See EventStore."""
        if not problem_ids:
            return {}
        return {row.id: row for row in await self.pool.rows(select_revisions(tenant, problem_ids), _REVISIONS)}

    async def open_problem(self, tenant: str, correlation_id: str, now: int) -> Problem | None:
        """See EventStore."""
        problems = await self.pool.rows(sql_problems.select_open_problem(tenant, correlation_id, now), _PROBLEMS)
        return problems[0] if problems else None

    async def _oldest(self, where: EventFilter, page: Page) -> int:
        """Return where the first event of a rising page may lie."""
        if page.after is not None:
            return page.after.ts
        if where.from_ms is not None and where.to_ms is not None and where.to_ms - where.from_ms <= WIDTHS_MS[0]:
            return where.from_ms
        rows = await self.pool.rows(sql_events.select_oldest_event(where.tenant, where.from_ms), COUNTS)
        return rows[0].n if rows else self._clock()

    async def _walk(self, parts: Iterator[EventFilter], page: Page, edges: Edges | None) -> list[Event]:
        """Return the page that lies in adjoining parts. What `offset` skips is counted, which reads few columns and answers no rows."""
        events: list[Event] = []
        skip = page.offset
        for part, is_last in _with_last(parts):
            if skip and not is_last and (count := await self.count(part, edges)) <= skip:
                skip -= count
                continue
            rest = msgspec.structs.replace(page, limit=page.limit - len(events), offset=skip)
            events += await self.pool.rows(sql_events.select_events(part, rest, edges), _EVENTS)
            skip = 0
            if len(events) >= page.limit:
                break
        return events


def _with_last(parts: Iterator[EventFilter]) -> Iterator[tuple[EventFilter, bool]]:
    """Return each part, and whether it is the last one."""
    part = next(parts, None)
    while part is not None:
        following = next(parts, None)
        yield part, following is None
        part = following
