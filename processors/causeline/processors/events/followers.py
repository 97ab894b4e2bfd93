"""Who is told of a problem's next transition: who asks for it as it is, and who asked for it as it was.

A problem may lose what a subscription asked for (its priority, a tag) while it lasts. Whoever was told that it began is told how it goes on
and that it ends, however many moves lie between. What a filter says of transitions holds for each of them; a rule that was changed
meanwhile counts with its id alone: it was told.
"""

from collections.abc import Sequence
from typing import Final

from causeline.processors.events.subscription_lane import Place, RuleLane, places_of_rules
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import asks_for_transition, columns_of_problem, details_of_problem
from causeline.schemas.wire.glance import DecodedSubject, of_problem

MAX_FOLLOWING: Final = 1_000
"""Subscriptions remembered of a problem that does not look as they ask any more: 40 KB of ids in its state, and most problems have none."""


def rules_following(lane: RuleLane, before: Problem, after: Problem, following: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of the rules that a problem took along: those in `following` and those that ask for it as it was, but not as it is."""
    was, now = _face(before), _face(after)
    if (was.columns(), was.details()) == (now.columns(), now.details()):
        return following
    asking = {rule.id for rule in lane.asking(now)}
    candidates = dict.fromkeys((*following, *sorted(rule.id for rule in lane.asking(was))))
    return tuple(own for own in candidates if own not in asking and own in lane)[:MAX_FOLLOWING]


def follower_places(lane: RuleLane, partitions: int, problem: Problem, following: tuple[str, ...]) -> Sequence[Place]:
    """Return where the subscriptions are that are told of a transition."""
    record = of_problem(problem)
    rules = [rule for own in following if (rule := lane.rule(own)) is not None and asks_for_transition(rule.where, problem.transition)]
    return places_of_rules((*lane.asking(record), *rules), partitions, "problem") if rules else lane.places(record)


def _face(problem: Problem) -> DecodedSubject:
    """Return a problem as rules see it, whatever became of it."""
    return DecodedSubject(columns_of_problem(problem)._replace(transition=""), details_of_problem(problem))
