"""The event store in memory, and a log whose rows arrive when somebody waits for them: the shipped twins of ClickHouse and Kafka.

It keeps what the sink would have written: the highest version of each row by its key, a move as a tombstone and a row. All reads scan.
"""

import operator
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from causeline.query_api.adapters.memory.deliveries import MemoryDeliveries
from causeline.query_api.adapters.memory.dora import MemoryDora
from causeline.query_api.insights.facts import fact_of
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.tallies import InsightTallies, tally
from causeline.query_api.live.problem_past import MAX_LOOKS
from causeline.query_api.questions.lanes import lay_out_lanes
from causeline.query_api.questions.matching import is_visible, matches, matches_problem
from causeline.query_api.questions.paging import cut_page
from causeline.query_api.questions.query import (
    FOLLOWED_MS,
    ChangeQuery,
    ChangeRate,
    ChangeUpdate,
    CountedBy,
    Edges,
    EventFilter,
    EventPosition,
    LaneAnswer,
    LaneQuery,
    Page,
    ProblemFilter,
    ProblemHistory,
    RateQuery,
    RawSort,
    RelatedChange,
    TimeBucket,
    UpdateQuery,
)
from causeline.query_api.questions.raw_members import place_of
from causeline.query_api.questions.relation import closest_changes, span_of
from causeline.query_api.questions.views import as_of
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import columns_of_problem, details_of_problem
from causeline.schemas.values import ids
from causeline.schemas.web.principal import Groups
from causeline.schemas.wire.partitioning import partition_of


class MemoryEventStore:
    """See EventStore. `put_event`, `put_problem` and `put_revision` take versions in any order, repeats included.

    With a `leader` it is a replica of that one: what is put goes there, and is here after `catch_up`.
    """

    deliveries: MemoryDeliveries

    def __init__(self, leader: "MemoryEventStore | None" = None) -> None:
        self._leader: Final = leader
        self._events: dict[tuple[str, int, str], Event] = {}
        self._problems: dict[tuple[str, str], dict[int, Problem]] = {}
        self._revisions: dict[tuple[str, str, int], CauseRevision] = {}
        self.deliveries = MemoryDeliveries() if leader is None else leader.deliveries

    @property
    def dora(self) -> MemoryDora:
        """See EventStore."""
        return MemoryDora(*self.rows())

    @property
    def fresh(self) -> "MemoryEventStore":
        """See EventStore."""
        return self._leader or self

    def catch_up(self) -> None:
        """Take over what the leader has."""
        if self._leader is not None:
            self._events, self._problems, self._revisions = self._leader.rows()

    def rows(
        self,
    ) -> tuple[dict[tuple[str, int, str], Event], dict[tuple[str, str], dict[int, Problem]], dict[tuple[str, str, int], CauseRevision]]:
        """Return a copy of what is kept."""
        return dict(self._events), {key: dict(versions) for key, versions in self._problems.items()}, dict(self._revisions)

    def put_event(self, event: Event) -> None:
        """Keep an event unless a higher version of it lies at the same time; a moved event needs its tombstone too."""
        if self._leader is not None:
            self._leader.put_event(event)
            return
        key = (event.tenant, event.ts, event.id)
        current = self._events.get(key)
        if current is None or event.version >= current.version:
            self._events[key] = event

    def put_problem(self, problem: Problem) -> None:
        """Keep one published version of a problem."""
        if self._leader is not None:
            self._leader.put_problem(problem)
            return
        self._problems.setdefault((problem.tenant, problem.id), {})[problem.version] = problem

    def put_revision(self, revision: CauseRevision) -> None:
        """Keep one published ranking."""
        if self._leader is not None:
            self._leader.put_revision(revision)
            return
        self._revisions[revision.tenant, revision.id, revision.revision] = revision

    async def event(self, tenant: str, event_id: str, groups: Groups = None) -> Event | None:
        """See EventStore."""
        return self._newest(e for e in self._live(tenant) if e.id == event_id and is_visible(e, groups))

    async def event_by_low(self, tenant: str, low: int, ts: int | None, groups: Groups = None) -> Event | None:
        """See EventStore."""
        events = (e for e in self._live(tenant) if ids.signed_low(e.id) == low and ts in (None, e.ts))
        return self._newest(e for e in events if is_visible(e, groups))

    async def events_by_id(self, tenant: str, event_ids: Sequence[str], groups: Groups = None) -> dict[str, Event]:
        """See EventStore."""
        events = [await self.event(tenant, event_id, groups) for event_id in event_ids]
        return {event.id: event for event in events if event is not None}

    async def events(self, where: EventFilter, page: Page, edges: Edges | None = None) -> list[Event]:
        """See EventStore."""
        rows = cut_page(self._matching(where, edges), page if not page.sort else _whole(page), lambda e: EventPosition(e.ts, e.id))
        for sort in reversed(page.sort):  # the least of the keys first: Python's sort keeps the order of equals
            rows = _sort_events(rows, sort)
        return rows[page.offset : page.offset + page.limit] if page.sort else rows

    async def count(self, where: EventFilter, edges: Edges | None = None) -> int:
        """See EventStore."""
        return sum(1 for _ in self._matching(where, edges))

    async def histogram(self, where: EventFilter, step_ms: int, by: CountedBy) -> list[TimeBucket]:
        """See EventStore."""
        buckets: dict[int, dict[str, int]] = {}
        for event in self._matching(where):
            counts = buckets.setdefault(event.ts // step_ms * step_ms, {})
            label: str = getattr(event, by)
            counts[label] = counts.get(label, 0) + 1
        return [TimeBucket(start, dict(sorted(buckets[start].items()))) for start in sorted(buckets)]

    async def lanes(self, query: LaneQuery) -> LaneAnswer:
        """See EventStore."""
        return lay_out_lanes(self._matching(query.where), query)

    async def insights(self, query: InsightQuery) -> InsightTallies:
        """See EventStore."""
        facts = (fact_of(event) for event in self._live(query.tenant) if is_visible(event, query.groups))
        return tally((fact for fact in facts if fact is not None), query)

    async def changes(self, query: ChangeQuery) -> list[RelatedChange]:
        """See EventStore."""
        return closest_changes((event for event in self._live(query.tenant) if is_visible(event, query.groups)), query)

    async def rates(self, query: RateQuery) -> list[ChangeRate]:
        """See EventStore."""
        counts: dict[tuple[str, str], tuple[int, int]] = {}
        for event in self._live(query.tenant):
            is_asked = event.service in query.services and event.kind in query.kinds and query.from_ms <= event.ts < query.to_ms
            if event.service and is_asked and is_visible(event, query.groups):
                follows = any(s == event.service and 0 <= start - event.ts < FOLLOWED_MS for s, start in query.problems)
                changes, followed = counts.get((event.service, event.kind), (0, 0))
                counts[event.service, event.kind] = changes + 1, followed + follows
        return [ChangeRate(*key, *counts[key]) for key in sorted(counts)]

    async def updates(self, query: UpdateQuery) -> list[ChangeUpdate]:
        """See EventStore."""
        rows = [
            ChangeUpdate(event.id, event.kind, *span_of(event), event.updated_ts)
            for event in self._events.values()
            if event.tenant == query.tenant
            and query.from_ms <= event.ts < query.to_ms
            and event.updated_ts > query.since
            and event.kind in query.kinds
        ]
        return sorted(rows, key=lambda row: (-row.updated_ts, row.id, row.first))[: query.limit]

    async def problems(self, where: ProblemFilter, page: Page) -> list[Problem]:
        """See EventStore."""
        newest = (versions[max(versions)] for (tenant, _), versions in self._problems.items() if tenant == where.tenant)
        problems = (as_of(problem, where.now) for problem in newest if not problem.is_deleted)
        return cut_page((p for p in problems if matches_problem(p, where)), page, lambda p: EventPosition(p.start, p.id))

    async def problem(self, tenant: str, problem_id: str, now: int) -> ProblemHistory | None:
        """See EventStore."""
        versions = self._problems.get((tenant, problem_id), {})
        transitions = [versions[number] for number in sorted(versions)]
        if not transitions or transitions[-1].is_deleted:
            return None
        following = sorted(
            (min(p.start for p in others.values()), other_id)
            for (owner, other_id), others in self._problems.items()
            if owner == tenant and others[max(others)].previous_id == problem_id and not others[max(others)].is_deleted
        )
        return ProblemHistory(as_of(transitions[-1], now), transitions, following[0][1] if following else "")

    async def looks(self, tenant: str, problem_ids: Sequence[str]) -> list[Problem]:
        """See EventStore."""
        looks: list[Problem] = []
        for own in sorted(set(problem_ids)):
            versions = self._problems.get((tenant, own), {})
            first: dict[tuple[object, ...], Problem] = {}
            for version in sorted(versions):
                problem = versions[version]
                first.setdefault((*columns_of_problem(problem)._replace(transition=""), *map(str, details_of_problem(problem))), problem)
            looks += list(first.values())[:MAX_LOOKS]
        return looks

    async def cause_revision(self, tenant: str, problem_id: str, at: int | None = None) -> CauseRevision | None:
        """See EventStore."""
        own = (row for (owner, own_id, _), row in self._revisions.items() if (owner, own_id) == (tenant, problem_id))
        return max((row for row in own if at is None or row.computed_at <= at), key=operator.attrgetter("revision"), default=None)

    async def cause_revisions(self, tenant: str, problem_ids: Sequence[str]) -> dict[str, CauseRevision]:
        """See EventStore."""
        newest = {problem_id: await self.cause_revision(tenant, problem_id) for problem_id in problem_ids}
        return {problem_id: row for problem_id, row in newest.items() if row is not None}

    async def open_problem(self, tenant: str, correlation_id: str, now: int) -> Problem | None:
        """See EventStore."""
        where = ProblemFilter(tenant=tenant, now=now, state="open")
        problems = await self.problems(where, Page(limit=len(self._problems)))
        return next((problem for problem in problems if problem.correlation_id == correlation_id), None)

    def _live(self, tenant: str) -> Iterable[Event]:
        return (event for event in self._events.values() if event.tenant == tenant and not event.is_deleted)

    def _matching(self, where: EventFilter, edges: Edges | None = None) -> Iterable[Event]:
        return (e for e in self._live(where.tenant) if matches(e, where) and (edges is None or _at_edge(e, edges)))

    @staticmethod
    def _newest(events: Iterable[Event]) -> Event | None:
        return max(events, key=lambda event: event.version, default=None)


class MemoryFrontier:
    """See Frontier: rows lie on a log until a reader waits for them. `away` is a log that does not get any further, since `away_s`."""

    def __init__(self, store: MemoryEventStore, partitions: int = 1) -> None:
        self._store = store
        self._partitions = partitions
        self._log: dict[int, list[Event | Problem]] = {}
        self._applied_ends: dict[int, int] = {}
        self.away = False
        self.away_s = 0.0
        self.waits: Final[list[float]] = []
        """How long those who asked for positions that were missing were ready to wait."""

    def append(self, row: Event | Problem, partition: int = 0) -> tuple[int, int]:
        """Put a row on the log and return its position as (partition, offset)."""
        rows = self._log.setdefault(partition, [])
        rows.append(row)
        return partition, len(rows) - 1

    async def reach(self, partition: int | None = None, offset: int | None = None) -> bool:
        """See Frontier."""
        ends = {p: len(rows) for p, rows in self._log.items()} if partition is None or offset is None else {partition: offset + 1}
        return not self._apply(ends)

    async def missing(self, positions: Mapping[int, int], within_s: float, *, with_forwarded: bool = False) -> frozenset[int]:
        """See Frontier: what is passed on lies on the log at once here."""
        pending = {p: offset + 1 for p, offset in positions.items() if with_forwarded or self._applied_ends.get(p, 0) <= offset}
        if pending:
            self.waits.append(within_s)
        missing = self._apply(pending)
        if pending and with_forwarded and not missing:
            await self.reach()
        return missing

    def partition(self, event_id: str) -> int:
        """See Frontier."""
        return partition_of(event_id.encode(), self._partitions)

    def behind(self, partition: int) -> float:
        """See Frontier."""
        return self.away_s if self.away and self._applied_ends.get(partition, 0) < len(self._log.get(partition, ())) else 0.0

    def _apply(self, ends: Mapping[int, int]) -> frozenset[int]:
        """Apply the log up to these ends, unless it is away; return the partitions where it is not."""
        for p, end in ends.items() if not self.away else ():
            first = self._applied_ends.get(p, 0)
            for row in self._log[p][first:end]:
                self._put(row)
            self._applied_ends[p] = max(first, end)
        return frozenset(p for p, end in ends.items() if self._applied_ends.get(p, 0) < end)

    def _put(self, row: Event | Problem) -> None:
        if isinstance(row, Event):
            self._store.put_event(row)
        else:
            self._store.put_problem(row)


def _whole(page: Page) -> Page:
    return Page(limit=sys.maxsize, order=page.order, after=page.after)


def _sort_events(events: list[Event], sort: RawSort) -> list[Event]:
    places = [(place_of(event, sort), event) for event in events]
    present = [(place, event) for place, event in places if place is not None]
    present.sort(key=operator.itemgetter(0), reverse=sort.descending)
    return [event for _, event in present] + [event for place, event in places if place is None]


def _at_edge(event: Event, edges: Edges) -> bool:
    start = span_of(event)[0]
    end = min(edges.now if event.deadline is None else event.deadline, edges.now) if event.end is None else event.end
    return any(edges.from_ms <= edge <= edges.to_ms for edge in (start, end))
