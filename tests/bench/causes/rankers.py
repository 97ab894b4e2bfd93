"""Who ranks: the product under a model, and the baselines that it is held against. Each returns a likeliest-first list of ids.

A baseline has no idea of none: it blames its first. It breaks no tie by luck: equal ones are in the order of their ids, which says nothing.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from causeline.query_api.causes.facts import Candidate
from causeline.query_api.causes.scope import relate
from causeline.query_api.causes.timing import is_vetoed
from tests.bench.causes.cases import Case

_CLOSENESS: Final = ("same_entity", "same_service", "dependency", "dependent", "same_tag", "unscoped", "same_environment", "other")

Ranker = Callable[[Case], list[str]]


def order_randomly(case: Case) -> list[str]:
    ids = sorted(change.id for change in case.example.candidates)
    Random(case.example.problem.id).shuffle(ids)
    return ids


def order_by_recency(case: Case) -> list[str]:
    return [change.id for change in sorted(case.example.candidates, key=lambda change: _distance(case, change))]


def order_by_service(case: Case) -> list[str]:
    """Order as who has a list and no ranking: what changed the same service, the nearest first, then the rest."""
    service = case.example.problem.service

    def key(change: Candidate) -> tuple[bool, tuple[int, str]]:
        return not service or change.service != service, _distance(case, change)

    return [change.id for change in sorted(case.example.candidates, key=key)]


def order_by_topology(case: Case) -> list[str]:
    """Order by relation, then by distance, without what began after the onset."""
    problem, context = case.example.problem, case.example.context
    before = [change for change in case.example.candidates if not is_vetoed(change, problem.onset)]
    return [
        change.id
        for change in sorted(before, key=lambda change: (_CLOSENESS.index(relate(problem, change, context)), _distance(case, change)))
    ]


def _distance(case: Case, change: Candidate) -> tuple[int, str]:
    return abs(case.example.problem.start - change.begin), change.id


BASELINES: Final[dict[str, Ranker]] = {
    "random": order_randomly,
    "recency": order_by_recency,
    "same service, then recency": order_by_service,
    "topology, veto, recency": order_by_topology,
}
