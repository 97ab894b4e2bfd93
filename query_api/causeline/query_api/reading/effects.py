"""The reverse of causes: in which problems' rankings does a change stand, and where.

Nothing is computed differently: each problem that it may have done is ranked as `CauseReader` ranks it, and the change is looked up there.
So at most `MOST_RANKED` problems are, the closest by relation and then in time, two of a tenant at once.

    the change, its steps ─▶ problems of its service and its neighbours (200), of its entities (200), any (500) ─▶ 50 rankings
                          └▶ problems in which somebody said something of it (50)
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, get_args
from weakref import WeakValueDictionary

import msgspec

from causeline.query_api.causes.candidates import select_candidates
from causeline.query_api.causes.context import Context
from causeline.query_api.causes.facts import MOST_ENTITIES
from causeline.query_api.causes.kinds import CLOCK_ERROR, lookback_of
from causeline.query_api.causes.ranking import Cause
from causeline.query_api.causes.scope import CauseRelation, relate
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import EventFilter, EventPosition, Page, ProblemFilter
from causeline.query_api.questions.relation import span_of
from causeline.query_api.reading.cause_past import MOST_NAMES, facts_of
from causeline.query_api.reading.cause_rules import CauseRules
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.file_services import Neighbourhood, owners_of_changes, services_of_files
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.feedback.assessment import Assessment
from causeline.schemas.records.causes import CauseVerdict
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.file_index import FileOwners
from causeline.schemas.topology.topology import MAX_HOPS, Topology
from causeline.schemas.values.times import MAX_MS, MIN_MS
from causeline.schemas.web.principal import Groups

MOST_RANKED: Final = 50
RANKED_WITHIN_S: Final = 10.0
"""Longer than fifty rankings take on a machine that has time for them; less than clients wait."""
_AT_ONCE: Final = 2
"""Rankings of a tenant at a time, however many ask: each asks six questions of its own, and takes a tenth of a second of a processor."""
_MOST_RELATED: Final = 200
_MOST_OTHERS: Final = 500
_MOST_STEPS: Final = 200
_MOST_OWNERS: Final = 50
"""Services whose files a change touched, that problems are looked for of: the first by name."""
_MOST_GENERATIONS: Final = 5
"""Steps of steps that are looked for."""
_LAST_ID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_RELATIONS: Final[tuple[CauseRelation, ...]] = get_args(CauseRelation)
"""Closest first."""


class ProblemEffect(NamedTuple):
    """A problem in whose ranking the change stands: as which cause, beside which verdict, and what people said of it there."""

    problem: Problem
    cause: Cause
    verdict: CauseVerdict
    assessment: Assessment | None


class Effects(NamedTuple):
    """The effects of a change, the likeliest first, and whether there were more problems than were ranked."""

    effects: tuple[ProblemEffect, ...]
    is_truncated: bool


class EffectReader:
    """Finds what a change did, as of now. What is not ranked within `within_s` is left out, as what is too many is."""

    def __init__(self, reader: Reader, causes: CauseReader, *, within_s: float = RANKED_WITHIN_S) -> None:
        self._reader: Final = reader
        self._causes: Final = causes
        self._within_s: Final = within_s
        self._turns: Final[WeakValueDictionary[str, asyncio.Semaphore]] = WeakValueDictionary()

    async def effects(self, event: Event, groups: Groups, now: int) -> Effects:
        """Return the effects of an event that may be read. Raises what the store raises (`EventStore`)."""
        store = await self._reader.lists(event.tenant, problems=True)
        topology = await self._causes.topology(event.tenant)
        owners = await asyncio.to_thread(owners_of_changes, (event,), topology)
        named_ids = (await self._causes.feedback(event.tenant)).problems_of(event.id)
        named_problems, (near, is_cut) = await asyncio.gather(
            _problems_of_ids(store, event.tenant, tuple(named_ids)[:MOST_RANKED], now),
            _problems_near(store, event, _services_of(event, owners, topology), topology, self._causes.rules, groups, now),
        )
        problems = {problem.id: problem for problem in named_problems}  # they stand in the ranking for certain: first
        problems |= {problem.id: problem for problem in await asyncio.to_thread(_sort_by_closeness, event, owners, near, topology)}
        # Each question stands in the queue of its tenant with as many as may be ranked at once: who asks later waits for no whole question.
        turns = asyncio.Semaphore(_AT_ONCE), self._turns.setdefault(event.tenant, asyncio.Semaphore(_AT_ONCE))
        effects: list[ProblemEffect] = []
        is_late = False
        try:
            async with asyncio.timeout(self._within_s) as bound:
                await asyncio.gather(
                    *(self._rank(turns, event, problem, groups, now, effects) for problem in islice(problems.values(), MOST_RANKED))
                )
        except TimeoutError:
            if not bound.expired():
                raise
            is_late = True
        return Effects(
            tuple(sorted(effects, key=_place)),
            is_truncated=is_late or is_cut or len(problems) > MOST_RANKED or len(named_ids) > MOST_RANKED,
        )

    async def _rank(
        self,
        turns: tuple[asyncio.Semaphore, asyncio.Semaphore],
        event: Event,
        problem: Problem,
        groups: Groups,
        now: int,
        effects: list[ProblemEffect],
    ) -> None:
        """Rank a problem once it is its turn; put into `effects` where the change stands there, if it does."""
        async with turns[0], turns[1]:
            (answer,) = await self._causes.causes_of_all([problem], groups, now)
        cause = next((cause for cause in answer.ranking.causes if cause.event_id == event.id), None)
        if cause is not None:
            effects.append(ProblemEffect(problem, cause, answer.ranking.verdict, answer.assessments.get(event.id)))


def _place(effect: ProblemEffect) -> tuple[float, int, str]:
    return -effect.cause.probability, effect.problem.start, effect.problem.id


async def _problems_of_ids(store: EventStore, tenant: str, problem_ids: Iterable[str], now: int) -> list[Problem]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def fetch(problem_id: str) -> Problem | None:
        async with turns:
            history = await store.problem(tenant, problem_id, now)
        return None if history is None else history.problem

    problems = await asyncio.gather(*map(fetch, problem_ids))
    return [problem for problem in problems if problem is not None]


async def _problems_near(
    store: EventStore, event: Event, services: Sequence[str], topology: Topology, rules: CauseRules, groups: Groups, now: int
) -> tuple[list[Problem], bool]:
    """Return the problems that began when a change of these services may have done it, each once, and whether there are more."""
    lookback = lookback_of(event.kind, rules.kinds_of(event.tenant))
    if lookback is None:
        return [], False
    spans = [span_of(part) for part in (event, *await _steps(store, event, groups))]
    first = max(min(begin for begin, _ in spans) - CLOCK_ERROR, MIN_MS)
    last = min(max(end for _, end in spans) + lookback + rules.most_delay, MAX_MS)
    anything = ProblemFilter(tenant=event.tenant, now=now, from_ms=first, to_ms=last + 1)
    names = await asyncio.to_thread(_neighbours, services, topology)
    questions = [(anything, _MOST_OTHERS)]
    if names:
        questions.append((msgspec.structs.replace(anything, services=names), _MOST_RELATED))
    if event.entities:
        questions.append((msgspec.structs.replace(anything, entities=tuple(event.entities[:MOST_ENTITIES])), _MOST_RELATED))
    # Behind those that began before and were open still: the nearest first.
    since = EventPosition(first - 1, _LAST_ID)
    pages = await asyncio.gather(*(store.problems(where, Page(limit=most, order="asc", after=since)) for where, most in questions))
    return list({problem.id: problem for page in pages for problem in page}.values()), len(pages[0]) == _MOST_OTHERS


async def _steps(store: EventStore, event: Event, groups: Groups) -> list[Event]:
    """Return what names the event, and what names that: some of it are steps, by which a change reaches farther."""
    steps: dict[str, Event] = {}
    names: Sequence[str] = tuple({event.id, DIALECTS.shown_id(event)})
    for _ in range(_MOST_GENERATIONS):
        where = EventFilter(tenant=event.tenant, groups=groups, related_ids=tuple(names))
        page = await store.events(where, Page(limit=_MOST_STEPS))
        names = [step.id for step in page if step.id not in steps and step.id != event.id]
        steps |= {step.id: step for step in page}
        if not names or len(steps) >= _MOST_STEPS:
            break
    return list(steps.values())


def _services_of(event: Event, owners: Mapping[str, FileOwners], topology: Topology) -> list[str]:
    """Return the service that a change names, or those whose files it touched."""
    if event.service:
        return [topology.resolve(event.service)]
    return [*owners[event.id].services][:_MOST_OWNERS] if event.id in owners else []


def _neighbours(own: Sequence[str], topology: Topology) -> tuple[str, ...]:
    """Return what events may call the services in whose problems these services count as near: their own names first."""
    services = dict.fromkeys(own)
    callers = [*own]
    for _ in range(MAX_HOPS):
        callers = [caller for callee in callers for caller in sorted(topology.callers(callee)) if caller not in services]
        services |= dict.fromkeys(callers)
    services |= dict.fromkeys(callee for service in own for callee in topology.callees(service, hops=1))
    return tuple(islice((name for one in services for name in topology.names_of(one)), MOST_NAMES))


def _sort_by_closeness(event: Event, owners: Mapping[str, FileOwners], problems: Iterable[Problem], topology: Topology) -> list[Problem]:
    """Return problems in the order in which they are ranked: by relation, then by how soon they began."""
    neighbours: dict[str, Context] = {"": Context()}

    def key(problem: Problem) -> tuple[int, int, str]:
        facts = facts_of(problem, topology)
        own = facts.service
        if own not in neighbours:
            neighbours[own] = Context(callees=topology.callees(own), callers=topology.callers(own))
        names = {event.service: topology.resolve(event.service)}
        near = Neighbourhood(own, neighbours[own].callees, neighbours[own].callers)
        (change,) = select_candidates(facts, (event,), services=names, of_files=services_of_files(owners, near), feedback_ids=(event.id,))
        return _RELATIONS.index(relate(facts, change, neighbours[own])), abs(problem.start - change.begin), problem.id

    return sorted(problems, key=key)
