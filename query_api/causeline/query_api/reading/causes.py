"""What rankings of causes are made of, read from the store: six bounded questions, however large the tenant is; problems may share them.

    the problem ─▶ changes of its window (2,000) ─▶ rates of the services that these concern (50)  ─▶ rank
                └▶ problems of the same minutes (200), problems of the month before (500), words of the changes before (500)

What people said lies in memory; what they named, what a step names and what rolled something back is asked for beside (`feedback.py`,
`change_parts.py`).

What the past says ends with the onset: the same question asked later gets the same answer from it. Events of groups that the caller shares
none of are never read, so nothing of them is in a rate, a word or a number. Problems are everybody's in a tenant, as everywhere.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.candidates import select_candidates
from causeline.query_api.causes.context import Context, Opinion
from causeline.query_api.causes.kinds import HOUR
from causeline.query_api.causes.model import Model
from causeline.query_api.causes.ranking import Ranking, rank
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import Onset, RelatedChange
from causeline.query_api.reading.cause_past import (
    MOST_CHANGES,
    CausePart,
    CausePast,
    CommonKnowledge,
    PastReader,
    facts_of,
    services_of_past,
)
from causeline.query_api.reading.cause_rules import CauseRules
from causeline.query_api.reading.change_parts import shown_ids
from causeline.query_api.reading.feedback import (
    FeedbackOf,
    implied_in,
    opinion_on_none,
    opinions_of,
    without_feedback,
)
from causeline.query_api.reading.file_services import Neighbourhood, owners_of_changes, services_of_files
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.sharing import RecentAnswers, share_changes
from causeline.schemas.feedback.assessment import NO_EVENT, Assessment
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.errors import OverShare
from causeline.schemas.web.principal import Groups

MOST_AT_ONCE: Final = 16
"""Rankings of one tenant at once, six questions each: more would wait for each other until all of them are given up."""
_RETRY_S: Final = 1
_IDS_AT_ONCE: Final = 100
"""Events that are looked up by their ids in one question."""
NO_RULES: Final = CauseRules()
_DIGITS: Final = 4


TopologyOf = Callable[[str], Awaitable[Topology]]
"""The services of a tenant as they hold now; raises Unavailable while that is not known."""


class RankedCauses(NamedTuple):
    """A ranking, the changes that it is of by id, and whether there were more of them than are ranked.

    `assessments` is what people said of these changes, by id, and of none (`NO_EVENT`).
    """

    ranking: Ranking
    events: dict[str, Event]
    is_truncated: bool
    assessments: Mapping[str, Assessment] = MappingProxyType({})


class CauseReader:
    """Ranks the changes around a problem, as of now.

    `topology` gives the graph of a tenant's services, `feedback` what its people said; `rules` are the operator's. `recent`: a problem's
    page, its reader's feedback and a colleague's look ask for the same past within seconds, which is then asked for once.
    """

    def __init__(
        self,
        reader: Reader,
        topology: TopologyOf,
        feedback: FeedbackOf = without_feedback,
        rules: CauseRules = NO_RULES,
        recent: RecentAnswers | None = None,
    ) -> None:
        self._reader: Final = reader
        self._recent: Final = recent
        self.topology: Final = topology
        self.feedback: Final = feedback
        self.rules: Final = rules
        self._asking: Final[Counter[str]] = Counter()

    async def causes(self, problem: Problem, groups: Groups, now: int, before: int | None = None) -> RankedCauses:
        """Return the ranking of a problem that may be read; `before` replaces how far back changes of every kind are looked for (ms).

        Raises what the store raises (`EventStore`), and OverShare where the tenant asks for too many at once.
        """
        if self._asking[problem.tenant] >= MOST_AT_ONCE:
            raise OverShare(f"the tenant asks for {MOST_AT_ONCE} rankings at once already", _RETRY_S)
        self._asking[problem.tenant] += 1
        try:
            (answer,) = await self.causes_of_all([problem], groups, now, before, self._recent)
        finally:
            self._asking[problem.tenant] -= 1
            if not self._asking[problem.tenant]:
                del self._asking[problem.tenant]
        return answer

    async def causes_of_all(
        self, problems: Sequence[Problem], groups: Groups, now: int, before: int | None = None, recent: RecentAnswers | None = None
    ) -> list[RankedCauses]:
        """Return the ranking of each of some problems of one tenant: what they share is asked once, each is as `causes` ranks it.

        `recent`: what was asked some seconds ago of the past is taken from there. Raises what the store raises.
        """
        tenant = problems[0].tenant
        store = await self._reader.lists(tenant)
        topology = await self.topology(tenant)
        common = CommonKnowledge(topology, await self.feedback(tenant), self.rules.kinds_of(tenant), groups, now)
        pasts = [CausePast(problem, facts_of(problem, topology, self.rules.delay_of(problem)), common) for problem in problems]
        changes = await share_changes(store, [past.window(before) for past in pasts])
        parts = [await _part(store, past, rows, before) for past, rows in zip(pasts, changes, strict=True)]
        contexts, rollback_opinions = await asyncio.gather(
            PastReader(store, recent or RecentAnswers(lambda: 0.0)).contexts(parts), _find_rollbacks(store, parts)
        )
        return [
            await _rank_part(part, context, opinions, self.rules.model)
            for part, context, opinions in zip(parts, contexts, rollback_opinions, strict=True)
        ]

    async def onset_causes(self, onset: Onset, groups: Groups, now: int, before: int | None = None) -> tuple[Problem, RankedCauses]:
        """Return the ranking of an onset without a problem, and what was ranked: its service is that which the name stands for."""
        topology = await self.topology(onset.tenant)
        subject = _problem_of(onset, topology, now)
        return subject, await self.causes(subject, groups, now, before)


def _problem_of(onset: Onset, topology: Topology, now: int) -> Problem:
    """Return a problem that says no more than an onset does: it has no id, no event and no words, and recurs never.

    An onset of now is a moment of noticing.
    """
    return Problem(
        tenant=onset.tenant,
        id="",
        version=0,
        dialect="",
        kind="",
        correlation_id="",
        event_id="",
        state="open",
        transition="opened",
        at=onset.at,
        start=onset.at,
        last_receipt=onset.at,
        ingest_ts=now,
        service=topology.resolve(onset.service),
        environment=onset.environment,
    )


async def _find_rollbacks(store: EventStore, parts: Sequence[CausePart]) -> list[dict[str, Opinion]]:
    """Return what rollbacks say of the candidates of each problem, one question after the other."""
    return [
        await implied_in(
            store,
            part.past.problem,
            part.past.common.groups,
            {change.id: part.events[change.id] for change in part.candidates},
            part.past.common.topology,
            part.past.common.kinds,
        )
        for part in parts
    ]


async def _rank_part(part: CausePart, context: Context, rollback_opinions: dict[str, Opinion], model: Model) -> RankedCauses:
    past, events = part.past, part.events
    context = msgspec.structs.replace(
        context, feedback=rollback_opinions | opinions_of(past.assessments), feedback_on_none=opinion_on_none(past.assessments)
    )
    # In a thread: two thousand changes take 100 ms, in which this loop would answer nobody.
    ranking = await asyncio.to_thread(rank, past.facts, part.candidates, context, model)
    shown_assessments = {place: assessment for place, assessment in past.assessments.items() if place == NO_EVENT or place in events}
    return RankedCauses(ranking, events, part.is_truncated, shown_assessments)


async def _part(store: EventStore, past: CausePast, changes: Sequence[RelatedChange], before: int | None) -> CausePart:
    events = {change.event.id: change.event for change in changes[:MOST_CHANGES]}
    own_ids = await asyncio.to_thread(shown_ids, events.values())
    ids = await asyncio.to_thread(past.ids_beside, events, own_ids)
    for start in range(0, len(ids), _IDS_AT_ONCE):
        beside = await store.events_by_id(past.problem.tenant, ids[start : start + _IDS_AT_ONCE], past.common.groups)
        events |= beside
        own_ids |= shown_ids(beside.values())
    return await asyncio.to_thread(_select, past, events, own_ids, before, is_truncated=len(changes) > MOST_CHANGES)


def _select(past: CausePast, events: dict[str, Event], own_ids: Mapping[str, str], before: int | None, *, is_truncated: bool) -> CausePart:
    topology, own = past.common.topology, past.facts.service
    callees, callers = past.reach(own)
    owners = owners_of_changes(events.values(), topology)
    candidates = select_candidates(
        past.facts,
        events.values(),
        custom_kinds=past.common.kinds,
        before=before,
        services={event.service: topology.resolve(event.service) for event in events.values()},
        of_files=services_of_files(owners, Neighbourhood(own, callees, callers)),
        own_ids=own_ids,
        feedback_ids=past.assessments,
    )
    return CausePart(
        past, events, is_truncated, candidates, callees, callers, services_of_past((own, *callees, *sorted(callers)), candidates)
    )


def is_provisional(problem: Problem, now: int) -> bool:
    """Tell whether a ranking may still change by itself: the problem is open, and what did it may not have come in yet."""
    return problem.state == "open" and now < problem.start + HOUR


def round_shown(number: float) -> float:
    """Return a probability, score or contribution as it is shown.

    More digits would feign a precision that a model fitted on some thousand problems does not have.
    """
    return round(number, _DIGITS)
