"""What a ranking of causes is made of, read from the store: six bounded questions, however large the tenant is.

    the problem ─▶ changes of its window (2,000) ─▶ rates of the services that these concern (50)  ─▶ rank
                └▶ problems of the same minutes (200), problems of the month before (500), words of the changes before (500)

What the past says ends with the onset: the same question asked later gets the same answer from it. Events of groups that the caller shares
none of are never read, so nothing of them is in a rate, a word or a number. Problems are everybody's in a tenant, as everywhere.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.candidates import select_candidates
from causeline.query_api.causes.context import Context, Neighbour, Pair, RiskCount
from causeline.query_api.causes.facts import MOST_ENTITIES, MOST_TEXT, Candidate, ProblemFacts
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, LOOKBACKS, MINUTE
from causeline.query_api.causes.ranking import Ranking, rank
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import ChangeQuery, ChangeRate, EventFilter, KindWindow, Page, ProblemFilter, RateQuery
from causeline.query_api.questions.relation import changes_around
from causeline.query_api.reading.reader import Reader
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values.times import MIN_MS
from causeline.schemas.values.words import words_of
from causeline.schemas.web.principal import Groups

MOST_CHANGES: Final = 2_000
"""Of more, those that are closest to the problem, and then nearest in time, are ranked."""
_MOST_SERVICES: Final = 50
MOST_NAMES: Final = 200
_MOST_PROBLEMS: Final = 500
_MOST_STARTS: Final = 2_000
"""Of those problems, under each name of their services."""
_MOST_NEIGHBOURS: Final = 200
_DOCUMENTS: Final = 500
_PAST: Final = 30 * DAY
_NEARBY: Final = 10 * MINUTE
_DOCUMENTS_BEFORE: Final = max(LOOKBACKS["deployment"], LOOKBACKS["change"])
_KINDS: Final = tuple(sorted(LOOKBACKS))


TopologyOf = Callable[[str], Awaitable[Topology]]
"""The services of a tenant as they hold now; raises Unavailable while that is not known."""


class RankedCauses(NamedTuple):
    """A ranking, the changes that it is of by id, and whether there were more of them than are ranked."""

    ranking: Ranking
    events: dict[str, Event]
    is_truncated: bool


class CauseReader:
    """Ranks the changes around a problem, as of now. `topology` gives the graph of a tenant's services."""

    def __init__(self, reader: Reader, topology: TopologyOf) -> None:
        self._reader: Final = reader
        self._topology: Final = topology

    async def causes(self, problem: Problem, groups: Groups, now: int, before: int | None = None) -> RankedCauses:
        """Return the ranking of a problem that may be read; `before` replaces how far back changes of every kind are looked for (ms).

        Raises what the store raises (`EventStore`).
        """
        store = await self._reader.lists(problem.tenant)
        topology = await self._topology(problem.tenant)
        facts = facts_of(problem, topology)
        changes = await store.changes(_window(problem, facts, groups, before))
        is_truncated = len(changes) > MOST_CHANGES
        events = {change.event.id: change.event for change in changes[:MOST_CHANGES]}
        names = {event.service: topology.resolve(event.service) for event in events.values()}
        candidates = select_candidates(facts, events.values(), before=before, services=names)
        context = await _Past(store, problem, facts, topology, groups, now).context(candidates)
        # In a thread: two thousand changes take 100 ms, in which this loop would answer nobody.
        return RankedCauses(await asyncio.to_thread(rank, facts, candidates, context), events, is_truncated)


def facts_of(problem: Problem, topology: Topology) -> ProblemFacts:
    """Return what a ranking knows of a problem."""
    return ProblemFacts(
        id=problem.id,
        start=problem.start,
        service=topology.resolve(problem.service),
        environment=problem.environment,
        entities=frozenset(problem.entities[:MOST_ENTITIES]),
        tags=problem.tags,
        title=problem.title[:MOST_TEXT],
        text=problem.text[:MOST_TEXT],
        source=problem.source,
        correlation_id=problem.correlation_id,
    )


def _window(problem: Problem, facts: ProblemFacts, groups: Groups, before: int | None) -> ChangeQuery:
    lookbacks: dict[int, list[str]] = {}
    for kind, lookback in sorted(LOOKBACKS.items()):
        lookbacks.setdefault(lookback if before is None else before, []).append(kind)
    windows = tuple(KindWindow(tuple(kinds), max(facts.onset - lookback, MIN_MS)) for lookback, kinds in sorted(lookbacks.items()))
    first = min(window.from_ms for window in windows)
    query = changes_around(problem, first, facts.onset + CLOCK_ERROR, MOST_CHANGES + 1)
    return msgspec.structs.replace(query, groups=groups, windows=windows)


class _Past(NamedTuple):
    """What is asked beside the changes themselves."""

    store: EventStore
    problem: Problem
    facts: ProblemFacts
    topology: Topology
    groups: Groups
    now: int

    async def context(self, candidates: Sequence[Candidate]) -> Context:
        own = self.facts.service
        callees, callers = await asyncio.to_thread(self._reach, own)
        services = _services((own, *callees, *sorted(callers)), candidates)
        nearby, earlier, documents = await asyncio.gather(self._nearby(), self._earlier(services), self._documents())
        rates = await self._rates(services, earlier)
        neighbourhood = {own, *callees, *callers}
        neighbours = [other for other in nearby if other.id != self.problem.id and abs(other.start - self.problem.start) <= _NEARBY]
        words, tags = await asyncio.to_thread(_frequencies, documents)
        return Context(
            callees=callees,
            callers=callers,
            deploys_per_day={Pair(rate.service, rate.kind): rate.changes * DAY / _PAST for rate in rates},
            risks={Pair(rate.service, rate.kind): RiskCount(rate.changes, rate.followed) for rate in rates},
            kind_risks={kind: _risk(rate for rate in rates if rate.kind == kind) for kind in {rate.kind for rate in rates}},
            risk=_risk(rates),
            word_counts=words,
            tag_counts=tags,
            documents=len(documents),
            neighbours=tuple(self._neighbour(other) for other in neighbours),
            recurrences=sum(self.problem.correlation_id == other.correlation_id for other in earlier),
            unrelated_problems=len({other.service for other in neighbours if self._is_unrelated(other, neighbourhood)}),
            reports={service: frozenset(rate.kind for rate in rates if rate.service == service) for service in services},
            reported_kinds=frozenset(rate.kind for rate in rates) | {change.kind for change in candidates},
        )

    async def _nearby(self) -> list[Problem]:
        """Return the problems that were open in the minutes around the start, the newest first: those that began then are among them."""
        start = self.problem.start
        where = ProblemFilter(tenant=self.problem.tenant, now=self.now, from_ms=max(start - _NEARBY, MIN_MS), to_ms=start + _NEARBY + 1)
        return await self.store.problems(where, Page(limit=_MOST_NEIGHBOURS))

    async def _earlier(self, services: Sequence[str]) -> list[Problem]:
        if not services:
            return []
        first = max(self.facts.onset - _PAST, MIN_MS)
        where = ProblemFilter(
            tenant=self.problem.tenant, now=self.now, from_ms=first, to_ms=self.facts.onset, services=self._names(services)
        )
        rows = await self.store.problems(where, Page(limit=_MOST_PROBLEMS))
        return [other for other in rows if other.id != self.problem.id]

    async def _rates(self, services: Sequence[str], earlier: Sequence[Problem]) -> list[ChangeRate]:
        if not services:
            return []
        query = RateQuery(
            tenant=self.problem.tenant,
            groups=self.groups,
            from_ms=max(self.facts.onset - _PAST, MIN_MS),
            to_ms=self.facts.onset,
            services=self._names(services),
            kinds=_KINDS,
            problems=tuple(islice(((name, other.start) for other in earlier for name in self._names((other.service,))), _MOST_STARTS)),
        )
        return _merge_rates(await self.store.rates(query), self.topology)

    def _reach(self, own: str) -> tuple[dict[str, int], frozenset[str]]:
        """Return what a service depends on and what depends on it. A graph may have a million edges: not for the loop."""
        return (self.topology.callees(own), self.topology.callers(own)) if own else ({}, frozenset())

    def _names(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return what events may call these services, the closest first, `MOST_NAMES` at most: one may have a thousand aliases."""
        return tuple(islice((name for service in services for name in self.topology.names_of(service)), MOST_NAMES))

    async def _documents(self) -> list[Event]:
        """Return changes from before the window: in how many of them a word occurs says how rare it is here."""
        to_ms = self.facts.onset - _DOCUMENTS_BEFORE
        if to_ms <= MIN_MS:
            return []
        where = EventFilter(tenant=self.problem.tenant, groups=self.groups, from_ms=max(to_ms - DAY, MIN_MS), to_ms=to_ms, kinds=_KINDS)
        return await self.store.events(where, Page(limit=_DOCUMENTS))

    def _neighbour(self, other: Problem) -> Neighbour:
        service = self.topology.resolve(other.service)
        direct = self.topology.callees(service, hops=1) if service else ()
        return Neighbour(service, frozenset(other.entities[:MOST_ENTITIES]), frozenset(direct))

    def _is_unrelated(self, other: Problem, neighbourhood: set[str]) -> bool:
        return self.topology.resolve(other.service) not in neighbourhood and self.facts.entities.isdisjoint(other.entities)


def _services(neighbourhood: Sequence[str], candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """Return the services whose past is asked for: the problem's own and its neighbours in the graph, then those that change most."""
    counts = Counter(change.service for change in candidates if change.service not in neighbourhood)
    others = sorted(counts, key=lambda service: (-counts[service], service))
    return tuple(service for service in (*neighbourhood, *others) if service)[:_MOST_SERVICES]


def _merge_rates(rates: Iterable[ChangeRate], topology: Topology) -> list[ChangeRate]:
    """Return one rate of each service and kind, also where a service has several names."""
    sums: dict[Pair, ChangeRate] = {}
    for rate in rates:
        pair = Pair(topology.resolve(rate.service), rate.kind)
        total = sums.get(pair, ChangeRate(*pair, 0, 0))
        sums[pair] = ChangeRate(*pair, total.changes + rate.changes, total.followed + rate.followed)
    return list(sums.values())


def _risk(rates: Iterable[ChangeRate]) -> RiskCount:
    changes = followed = 0
    for rate in rates:
        changes += rate.changes
        followed += rate.followed
    return RiskCount(changes, followed)


def _frequencies(documents: Iterable[Event]) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    words: Counter[str] = Counter()
    tags: Counter[tuple[str, str]] = Counter()
    for event in documents:
        words.update(set(words_of(f"{event.title[:MOST_TEXT]} {event.text[:MOST_TEXT]}")))
        tags.update(event.tags.items())
    return dict(words), dict(tags)
