"""What people said, as a ranking takes it: opinions on its changes, and counts of what was said of others.

All of it comes out of memory (`schemas/feedback/view.py`), but for what happened before a problem ended: one bounded question. What the
caller may not see has no part in it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import msgspec

from causeline.query_api.causes.context import Opinion, Pair, PastFeedback
from causeline.query_api.causes.facts import Candidate
from causeline.query_api.causes.kinds import kinds_of_changes
from causeline.query_api.causes.rollbacks import ROLLBACK_LOOKBACK, implied_opinions
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import KindWindow
from causeline.query_api.questions.relation import changes_around
from causeline.query_api.reading.change_parts import shown_ids
from causeline.schemas.feedback.assessment import NO_EVENT, Assessment
from causeline.schemas.feedback.view import TenantFeedback
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.principal import Groups

FeedbackOf = Callable[[str], Awaitable[TenantFeedback]]
"""What people of a tenant said, as it holds now; raises Unavailable while that is not known."""

_MOST_LATER: Final = 200
_MOST_ALIASES: Final = 200


async def without_feedback(_: str) -> TenantFeedback:
    """Return that nobody said anything."""
    return TenantFeedback()


async def implied_in(
    store: EventStore,
    problem: Problem,
    groups: Groups,
    changes: Mapping[str, Event],
    topology: Topology,
    custom_kinds: frozenset[str] = frozenset(),
) -> dict[str, Opinion]:
    """Return what rollbacks say of the candidates of a problem (`changes`, by id) that a signal closed; nothing of any other one.

    `custom_kinds` are changes beside those of the table.
    """
    if problem.state != "closed" or problem.transition != "closed" or problem.end is None or not changes:
        return {}
    first = max(problem.start, problem.end - ROLLBACK_LOOKBACK)
    query = changes_around(problem, first, problem.end, _MOST_LATER)
    windows = (KindWindow(kinds_of_changes(custom_kinds), first),)
    later = await store.changes(msgspec.structs.replace(query, at=problem.end, groups=groups, windows=windows))
    ids_by_shown = shown_ids((*changes.values(), *(change.event for change in later)))
    events = [msgspec.structs.replace(event, related_id=ids_by_shown.get(event.related_id, event.related_id)) for event, *_ in later]
    services = {event.service: topology.resolve(event.service) for event in (*events, *changes.values())}
    return implied_opinions(problem.start, problem.end, changes, events, services, custom_kinds)


def opinions_of(assessments: Mapping[str, Assessment]) -> dict[str, Opinion]:
    """Return what was said of changes in a problem, by their ids."""
    return {event: Opinion(assessment.verdict, assessment.at) for event, assessment in assessments.items() if event != NO_EVENT}


def opinion_on_none(assessments: Mapping[str, Assessment]) -> Opinion | None:
    """Return what was said of none in a problem."""
    assessment = assessments.get(NO_EVENT)
    return None if assessment is None else Opinion(assessment.verdict, assessment.at)


def past_feedback(
    feedback: TenantFeedback, problem: Problem, candidates: Iterable[Candidate], topology: Topology
) -> dict[Pair, PastFeedback]:
    """Return what was said of changes like the candidates, under all names of their services, in other problems than this one."""
    own = Counter(
        (assessment.service, assessment.kind, assessment.verdict)
        for event, assessment in feedback.of_problem(problem.id).items()
        if event != NO_EVENT and not assessment.is_restricted
    )
    history = {}
    for pair in {Pair(change.service, change.kind) for change in candidates}:
        confirmations = rejections = 0
        for name in topology.names_of(pair.service)[:_MOST_ALIASES]:
            count = feedback.count_of(name, pair.kind)
            confirmations += count.confirmations - own[name, pair.kind, "confirmed"]
            rejections += count.rejections - own[name, pair.kind, "rejected"]
        if confirmations or rejections:
            history[pair] = PastFeedback(confirmations, rejections)
    return history


def past_none(feedback: TenantFeedback, problem: Problem) -> int:
    """Return in how many other problems of the same correlation id people said that no change did them."""
    if not problem.correlation_id:
        return 0
    own = opinion_on_none(feedback.of_problem(problem.id))
    return feedback.none_count(problem.correlation_id) - (own is not None and own.feedback == "confirmed")
