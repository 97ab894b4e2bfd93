"""Scope: how close what was changed is to what is broken; and the environment of both.

A name that is empty on the problem's side relates to nothing, and `*` is no name. A shared tag weighs by how rare it is: half of a fleet
shares the region. What names another service speaks against itself, but only where the problem says which service it has.
"""

import math
from collections.abc import Callable
from typing import Final, Literal

from causeline.query_api.causes.context import Context
from causeline.query_api.causes.evidence import Evidence, Term
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.questions.relation import EVERYTHING

CauseRelation = Literal["same_entity", "same_service", "dependency", "dependent", "same_tag", "same_environment", "unscoped", "other"]

SCOPE_ORDER: Final = (
    "scope.same_entity",
    "scope.same_service",
    "scope.callee_1",
    "scope.callee_2",
    "scope.callee_3",
    "scope.caller",
    "scope.tag",
    "scope.unscoped",
    "scope.other",
)
"""The weights from the closest to the farthest: none may weigh less than the next one."""


def shared_entities(problem: ProblemFacts, change: Candidate) -> frozenset[str]:
    """Return the entities that both name."""
    return (problem.entities & change.entities) - {EVERYTHING, ""}


def shared_tags(problem: ProblemFacts, change: Candidate) -> list[tuple[str, str]]:
    """Return the tags (key, value) that both have, in order."""
    return sorted(problem.tags.items() & change.tags.items())


_RULES: Final[tuple[tuple[CauseRelation, Callable[[ProblemFacts, Candidate, Context], bool]], ...]] = (
    ("same_entity", lambda problem, change, _: bool(shared_entities(problem, change))),
    ("same_service", lambda problem, change, _: problem.service != "" and change.service == problem.service),
    ("dependency", lambda _, change, context: change.service != "" and change.service in context.callees),
    ("dependent", lambda _, change, context: change.service != "" and change.service in context.callers),
    ("same_tag", lambda problem, change, _: bool(shared_tags(problem, change))),
    ("unscoped", lambda _, change, __: change.is_unscoped),
    ("same_environment", lambda problem, change, _: _fold(problem.environment) == _fold(change.environment) != ""),
)


def relate(problem: ProblemFacts, change: Candidate, context: Context) -> CauseRelation:
    """Return the closest relation that holds. What is for everything is unscoped, whatever its environment."""
    return next((relation for relation, holds in _RULES if holds(problem, change, context)), "other")


def rarity(count: int, documents: int) -> float:
    """Return how rare something is that occurs in some of the documents: 1 in one of them, 0 in all of them or where none are known."""
    if documents <= 1:
        return 0.0
    return 1.0 - math.log(max(1, min(count, documents))) / math.log(documents)


def weigh_scope(problem: ProblemFacts, change: Candidate, context: Context) -> Evidence:
    """Return what the relation says."""
    match relate(problem, change, context):
        case "same_entity":
            return Evidence((Term("scope.same_entity", 1.0),), f"changed {min(shared_entities(problem, change))} itself")
        case "same_service":
            return Evidence((Term("scope.same_service", 1.0),), _say_service(change, "" if change.files else " itself"))
        case "dependency":
            hops = min(3, max(1, context.callees[change.service]))
            away = "calls" if hops == 1 else f"depends on, {hops} calls away"
            return Evidence((Term(f"scope.callee_{hops}", 1.0),), _say_service(change, f", which {problem.service} {away}"))
        case "dependent":
            return Evidence((Term("scope.caller", 1.0),), _say_service(change, f", which calls {problem.service}"))
        case _:
            return _weigh_loosely(problem, change, context)


def _weigh_loosely(problem: ProblemFacts, change: Candidate, context: Context) -> Evidence:
    """Return what is left to say: between a tag that nothing else has and no relation at all."""
    says_nothing = not problem.service and not problem.entities
    base, text = "scope.other", _say_service(change, ", no known relation")
    if change.is_unscoped or says_nothing:
        base, text = "scope.unscoped", "is for everything" if change.is_unscoped else "the problem does not say which service it has"
    tags = shared_tags(problem, change)
    rarest, tag = max(((rarity(context.tag_counts.get(tag, 1), context.documents), tag) for tag in tags), default=(0.0, ("", "")))
    if rarest <= 0:
        return Evidence((Term(base, 1.0),), text)
    return Evidence((Term("scope.tag", rarest), Term(base, 1.0 - rarest)), f"shares {tag[0]}={tag[1]}")


def _say_service(change: Candidate, rest: str) -> str:
    if change.files:
        return f"changed files of {change.service}{rest}: {change.files}"
    return f"changed {change.service or 'something else'}{rest}"


def weigh_environment(problem: ProblemFacts, change: Candidate) -> Evidence | None:
    """Return what the environments say: nothing where one of them is not known."""
    if not problem.environment or not change.environment:
        return None
    if _fold(problem.environment) == _fold(change.environment):
        return Evidence((Term("environment.same", 1.0),), f"in {change.environment} as well")
    return Evidence((Term("environment.other", 1.0),), f"in {change.environment}, not in {problem.environment}")


def _fold(environment: str) -> str:
    return environment.strip().casefold()
