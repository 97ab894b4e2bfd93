"""What a ranking asks beside the changes of its window, and what the answers say: the past of services, problems around, words.

Pure but for `PastReader`, which asks once for all problems that ask alike.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.context import Context, Neighbour, Pair, RiskCount
from causeline.query_api.causes.facts import MOST_ENTITIES, MOST_TEXT, Candidate, ProblemFacts, first_tags
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, LOOKBACKS, MINUTE, kinds_of_changes, lookback_of
from causeline.query_api.causes.spread import MOST_REACHED, count_unrelated
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import (
    ChangeQuery,
    ChangeRate,
    EventFilter,
    KindWindow,
    Page,
    ProblemFilter,
    RateQuery,
)
from causeline.query_api.questions.relation import changes_around
from causeline.query_api.reading.change_parts import absent_wholes
from causeline.query_api.reading.feedback import (
    past_feedback,
    past_none,
)
from causeline.query_api.reading.sharing import RecentAnswers, share_problems, share_rates
from causeline.schemas.feedback.assessment import NO_EVENT, Assessment
from causeline.schemas.feedback.view import TenantFeedback
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


def facts_of(problem: Problem, topology: Topology, delay_ms: int = 0) -> ProblemFacts:
    """Return what a ranking knows of a problem that began to go wrong `delay_ms` before its start."""
    return ProblemFacts(
        id=problem.id,
        start=problem.start,
        detection_delay_ms=delay_ms,
        service=topology.resolve(problem.service),
        environment=problem.environment,
        entities=frozenset(problem.entities[:MOST_ENTITIES]),
        tags=first_tags(problem.tags),
        title=problem.title[:MOST_TEXT],
        text=problem.text[:MOST_TEXT],
        source=problem.source,
        correlation_id=problem.correlation_id,
    )


class CommonKnowledge(NamedTuple):
    """What problems of one tenant that are ranked together have in common; `kinds` are changes beside those of the table."""

    topology: Topology
    feedback: TenantFeedback
    kinds: frozenset[str]
    groups: Groups
    now: int

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """Every kind that is a change."""
        return kinds_of_changes(self.kinds)


class CausePast(NamedTuple):
    """What is asked for one problem beside the changes themselves, and what it makes of the answers.

    The past ends with the minute of the onset, so that problems of one minute ask alike.
    """

    problem: Problem
    facts: ProblemFacts
    common: CommonKnowledge

    @property
    def assessments(self) -> Mapping[str, Assessment]:
        """Return what people said of changes in this problem, by their ids, and of none."""
        return self.common.feedback.of_problem(self.problem.id)

    @property
    def end(self) -> int:
        """Return where the past ends, ms UTC."""
        return self.facts.onset // MINUTE * MINUTE

    def window(self, before: int | None) -> ChangeQuery:
        """Return how its changes are asked for, each kind as far back as it may work, or `before` (ms)."""
        lookbacks: dict[int, list[str]] = {}
        for kind in self.common.all_kinds:
            if (lookback := lookback_of(kind, self.common.kinds, before)) is not None:
                lookbacks.setdefault(lookback, []).append(kind)
        onset = self.facts.onset
        windows = tuple(KindWindow(tuple(kinds), max(onset - lookback, MIN_MS)) for lookback, kinds in sorted(lookbacks.items()))
        first = min(window.from_ms for window in windows)
        query = changes_around(self.problem, first, onset + CLOCK_ERROR, MOST_CHANGES + 1)
        return msgspec.structs.replace(query, groups=self.common.groups, windows=windows)

    def ids_beside(self, events: Mapping[str, Event], own_ids: Mapping[str, str]) -> list[str]:
        """Return the ids of what people named and of what steps name that is not among the events of the window.

        `own_ids` are those of events by the ids that other APIs show.
        """
        named_ids = sorted(self.assessments.keys() - events.keys() - {NO_EVENT})
        wholes = absent_wholes([*events.values()], own_ids)
        return [*dict.fromkeys((*named_ids, *wholes))]

    def nearby(self) -> ProblemFilter:
        """Return which problems were open in the minutes around the start: those that began then are among the newest of them."""
        start = self.problem.start
        return ProblemFilter(
            tenant=self.problem.tenant, now=self.common.now, from_ms=max(start - _NEARBY, MIN_MS), to_ms=start + _NEARBY + 1
        )

    def earlier(self, services: Sequence[str]) -> ProblemFilter | None:
        """Return which problems of some services were open in the month before; None where there are no services to ask for."""
        if not services:
            return None
        first = max(self.end - _PAST, MIN_MS)
        return ProblemFilter(tenant=self.problem.tenant, now=self.common.now, from_ms=first, to_ms=self.end, services=self._names(services))

    def rates(self, services: Sequence[str], earlier: Sequence[Problem]) -> RateQuery | None:
        """Return how the rates of some services are asked for; None where there are no services."""
        if not services:
            return None
        return RateQuery(
            tenant=self.problem.tenant,
            groups=self.common.groups,
            from_ms=max(self.end - _PAST, MIN_MS),
            to_ms=self.end,
            services=self._names(services),
            kinds=self.common.all_kinds,
            problems=tuple(islice(((name, other.start) for other in earlier for name in self._names((other.service,))), _MOST_STARTS)),
        )

    def documents(self) -> EventFilter | None:
        """Return the changes from before the window: in how many of them a word occurs says how rare it is here."""
        to_ms = self.end - _DOCUMENTS_BEFORE
        if to_ms <= MIN_MS:
            return None
        return EventFilter(
            tenant=self.problem.tenant,
            groups=self.common.groups,
            from_ms=max(to_ms - DAY, MIN_MS),
            to_ms=to_ms,
            kinds=self.common.all_kinds,
        )

    def context(
        self,
        part: "CausePart",
        nearby: Sequence[Problem],
        earlier: Sequence[Problem],
        rates: Sequence[ChangeRate],
        frequencies: "_Frequencies",
    ) -> Context:
        """Return what the answers say."""
        feedback, kinds = self.common.feedback, frozenset(self.common.all_kinds)
        neighbours = [other for other in nearby if other.id != self.problem.id and abs(other.start - self.problem.start) <= _NEARBY]
        return Context(
            callees=part.callees,
            callers=part.callers,
            deploys_per_day={Pair(rate.service, rate.kind): rate.changes * DAY / _PAST for rate in rates},
            risks={Pair(rate.service, rate.kind): RiskCount(rate.changes, rate.followed) for rate in rates},
            kind_risks={kind: _risk(rate for rate in rates if rate.kind == kind) for kind in {rate.kind for rate in rates}},
            risk=_risk(rates),
            word_counts=frequencies.words,
            tag_counts=frequencies.tags,
            documents=frequencies.documents,
            neighbours=tuple(self._neighbour(other) for other in neighbours),
            history=past_feedback(feedback, self.problem, part.candidates, self.common.topology),
            recurrences=sum(
                self.problem.correlation_id == other.correlation_id and not feedback.is_explained(other.id)
                for other in earlier
                if other.correlation_id
            ),
            none_feedback=past_none(feedback, self.problem),
            unrelated_problems=self._count_unrelated(part, neighbours),
            reports={service: frozenset(rate.kind for rate in rates if rate.service == service) for service in part.services},
            reported_kinds=frozenset(rate.kind for rate in rates) | (kinds & {change.kind for change in part.candidates}),
        )

    def reach(self, own: str) -> tuple[dict[str, int], frozenset[str]]:
        """Return what a service depends on and what depends on it. A graph may have a million edges: not for the loop."""
        return (self.common.topology.callees(own), self.common.topology.callers(own)) if own else ({}, frozenset())

    def _names(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return what events may call these services, the closest first, `MOST_NAMES` at most: one may have a thousand aliases."""
        return tuple(islice((name for service in services for name in self.common.topology.names_of(service)), MOST_NAMES))

    def _neighbour(self, other: Problem) -> Neighbour:
        service = self.common.topology.resolve(other.service)
        direct = self.common.topology.callees(service, hops=1) if service else ()
        return Neighbour(service, frozenset(other.entities[:MOST_ENTITIES]), frozenset(direct))

    def _count_unrelated(self, part: "CausePart", others: Iterable[Problem]) -> int:
        def depends_on(service: str) -> dict[str, int]:
            return self.common.topology.callees(service, most=MOST_REACHED)

        # What suffers in staging says nothing of production.
        near = [other for other in others if len({self.problem.environment, other.environment} - {""}) <= 1]
        near.sort(key=lambda other: (abs(other.start - self.problem.start), other.id))
        return count_unrelated(self.facts, map(self._neighbour, near), part.candidates, part.callees, part.callers, depends_on)


class CausePart(NamedTuple):
    """One problem of those that are ranked together: its past, its changes by id, the candidates among them, the services they concern."""

    past: CausePast
    events: dict[str, Event]
    is_truncated: bool
    candidates: list[Candidate]
    callees: dict[str, int]
    callers: frozenset[str]
    services: tuple[str, ...]


class PastReader(NamedTuple):
    """What is asked beside the changes themselves, once for all that ask alike."""

    store: EventStore
    recent: RecentAnswers

    async def contexts(self, parts: Sequence[CausePart]) -> list[Context]:
        """Return what is known beside the problem and its changes, of each."""
        nearby, earlier, frequencies = await asyncio.gather(
            share_problems(self.store, [part.past.nearby() for part in parts], Page(limit=_MOST_NEIGHBOURS)),
            self._earlier(parts),
            self._documents(parts),
        )
        queries = [part.past.rates(part.services, own) for part, own in zip(parts, earlier, strict=True)]
        rate_answers = iter(await share_rates(self.store, [query for query in queries if query is not None], self.recent))
        rates = [
            [] if query is None else _merge_rates(next(rate_answers), part.past.common.topology)
            for part, query in zip(parts, queries, strict=True)
        ]
        answers = zip(parts, nearby, earlier, rates, frequencies, strict=True)
        return [
            await asyncio.to_thread(part.past.context, part, near, past, own_rates, words) for part, near, past, own_rates, words in answers
        ]

    async def _earlier(self, parts: Sequence[CausePart]) -> list[list[Problem]]:
        wheres = [part.past.earlier(part.services) for part in parts]
        answers = iter(await share_problems(self.store, [where for where in wheres if where is not None], Page(limit=_MOST_PROBLEMS)))
        rows = [[] if where is None else next(answers) for where in wheres]
        return [[other for other in own if other.id != part.past.problem.id] for part, own in zip(parts, rows, strict=True)]

    async def _documents(self, parts: Sequence[CausePart]) -> list["_Frequencies"]:
        wheres = [part.past.documents() for part in parts]
        answers: dict[EventFilter | None, _Frequencies] = {None: _Frequencies({}, {}, 0)}
        for where in wheres:
            if where not in answers:
                answers[where] = self.recent.get(where) or await self._count(where)
        return [answers[where] for where in wheres]

    async def _count(self, where: EventFilter | None) -> "_Frequencies":
        documents = [] if where is None else await self.store.events(where, Page(limit=_DOCUMENTS))
        frequencies = await asyncio.to_thread(_frequencies, documents)
        self.recent.put(where, frequencies)
        return frequencies


class _Frequencies(NamedTuple):
    """In how many of so many documents each word and each tag occurs."""

    words: dict[str, int]
    tags: dict[tuple[str, str], int]
    documents: int


def services_of_past(neighbourhood: Sequence[str], candidates: Iterable[Candidate]) -> tuple[str, ...]:
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


def _frequencies(documents: Sequence[Event]) -> _Frequencies:
    words: Counter[str] = Counter()
    tags: Counter[tuple[str, str]] = Counter()
    for event in documents:
        words.update(set(words_of(f"{event.title[:MOST_TEXT]} {event.text[:MOST_TEXT]}")))
        tags.update(first_tags(event.tags).items())
    return _Frequencies(dict(words), dict(tags), len(documents))
