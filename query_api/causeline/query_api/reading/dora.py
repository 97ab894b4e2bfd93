"""DORA metrics read from the store: facts of a window and of what lies around it, judged in a thread, for whoever shows them.

    changes ─▶ what they name outside of the window; when commits without a time were ───┐
    problems ─▶ those elsewhere that people confirmed of a change; likely causes; scopes ─┼▶ take_history, or take_columns ─▶ narrow ─▶ show
    feedback, aliases (in memory) ───────────────────────────────────────────────────────┘

Of services the changes of others are left out, and of all those outside of production, unless another one names them: nothing else of a
deployment depends on them. Problems are all of the tenant's, since a deployment of one service may have failed by a problem of another.
Teams, repositories and projects are told apart after judging: a rollout has one, which not each of its events names.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec

from causeline.query_api.dora.columns.history_columns import HistoryColumns
from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, ProblemFact
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.dora.rollout_events import ROLLBACK_TAG
from causeline.query_api.ports import DoraStore
from causeline.query_api.questions.dora_query import MOST_IDS, IncidentQuery, RolloutQuery
from causeline.query_api.reading.causes import TopologyOf
from causeline.query_api.reading.change_parts import id_of_shown
from causeline.query_api.reading.dora_question import DoraFacts, DoraQuestion
from causeline.query_api.reading.feedback import FeedbackOf, without_feedback
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.shares import Shares
from causeline.schemas.dora.definition import Definition
from causeline.schemas.feedback.view import TenantFeedback
from causeline.schemas.values.times import MIN_MS

_Shown = TypeVar("_Shown")
_MOST_NAMED: Final = 5 * MOST_IDS
"""Events outside of what is read that are looked up since others name them."""
_AT_ONCE: Final = 2
"""Histories judged at a time: each takes all of one core. A tenant has one of them."""
_WAITING: Final = 32
_WAITING_EACH: Final = 8


class DoraReader:
    """Answers questions about deployments, as of now.

    `topology` gives the graph of a tenant's services, `feedback` what its people said of causes.
    """

    def __init__(self, reader: Reader, topology: TopologyOf, feedback: FeedbackOf = without_feedback) -> None:
        self._reader: Final = reader
        self._topology: Final = topology
        self._feedback: Final = feedback
        self._shares: Final = Shares(_AT_ONCE, _WAITING, _WAITING_EACH)

    async def dora(self, question: DoraQuestion, show: Callable[[DoraHistory], _Shown]) -> _Shown:
        """Return what `show` makes of the history behind a question; it runs in a thread, as judging does.

        Raises what the store raises (`EventStore`), and OverShare where the tenant asks for too many at once.
        """
        return await self._answer(question, lambda facts: show(facts.history(question)))

    async def sums(self, question: DoraQuestion, show: Callable[[HistoryColumns], _Shown]) -> _Shown:
        """Return what `show` makes of the same history as columns, which is sooner there and only sums. Raises as above."""
        return await self._answer(question, lambda facts: show(facts.columns(question)))

    async def _answer(self, question: DoraQuestion, show: Callable[[DoraFacts], _Shown]) -> _Shown:
        await self._shares.enter(question.tenant)
        try:
            facts = await self.facts(question)
            return await asyncio.to_thread(show, facts)
        finally:
            self._shares.leave(question.tenant)

    async def facts(self, question: DoraQuestion) -> DoraFacts:
        """Return what is known for a question. Raises what the store raises."""
        store = (await self._reader.lists(question.tenant, problems=True)).dora
        topology, feedback = await self._topology(question.tenant), await self._feedback(question.tenant)
        incidents = question.incidents()
        (changes, commit_events), problems, likely_causes, scopes = await asyncio.gather(
            _changes(store, question.rollouts(topology)),
            store.problems(incidents),
            _likely_causes(store, incidents, question.definition),
            store.scopes(question.tenant, question.groups),
        )
        named_ids = await asyncio.to_thread(_confirmed_elsewhere, feedback, changes, problems)
        if named_ids:
            problems += await store.problems(msgspec.structs.replace(incidents, ids=named_ids))
        return DoraFacts(changes, commit_events, problems, likely_causes, scopes, feedback, topology)


async def _changes(store: DoraStore, query: RolloutQuery) -> tuple[list[ChangeFact], list[CommitEvent]]:
    """Return the changes of a window, those that they name and that lie outside of it, and when their commits were, whenever that was."""
    # At once, since each keeps one core: few tenants have a time in the list for every commit.
    changes, commit_events = await asyncio.gather(store.changes(query), store.commit_events(query, MIN_MS))
    named_ids = await asyncio.to_thread(_named_elsewhere, changes)
    for start in range(0, len(named_ids), MOST_IDS):
        ids = named_ids[start : start + MOST_IDS]
        changes += await store.changes(msgspec.structs.replace(query, ids=ids, services=(), environments=()))
    return changes, commit_events


def _named_elsewhere(changes: Sequence[ChangeFact]) -> tuple[str, ...]:
    names = (name for fact in changes if fact.related_id or fact.tags for name in (fact.related_id, fact.tags.get(ROLLBACK_TAG, "")))
    own_ids = dict.fromkeys(own for own in map(id_of_shown, names) if own)
    present = {fact.id for fact in changes} if own_ids else set()
    return tuple(islice((own for own in own_ids if own not in present), _MOST_NAMED))


def _confirmed_elsewhere(feedback: TenantFeedback, changes: Iterable[ChangeFact], problems: Iterable[ProblemFact]) -> tuple[str, ...]:
    """Return the problems outside of a window of which people said that one of these changes did them."""
    present = {problem.id for problem in problems}
    change_ids = {fact.id for fact in changes} if feedback.records else set()
    named_ids = dict.fromkeys(
        place.problem
        for place, record in feedback.records.items()
        if record.assessment is not None
        and record.assessment.verdict == "confirmed"
        and place.event in change_ids
        and place.problem not in present
    )
    return tuple(islice(named_ids, MOST_IDS))


async def _likely_causes(store: DoraStore, incidents: IncidentQuery, definition: Definition) -> dict[str, str]:
    return {} if definition.attribution.rule == "latest" else await store.likely_causes(incidents)
