"""Many services that suffer at once speak for no change only as far as nothing known connects them."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.causes.context import Neighbour
from causeline.query_api.causes.facts import Candidate
from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE
from causeline.query_api.causes.spread import MOST_SUFFERING, count_unrelated
from tests.unit.query_api.causes.samples import CONTEXT, PROBLEM, change, problem

Graph = dict[str, frozenset[str]]
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
OWN = ("checkout", *CONTEXT.callees)
GRAPHS = st.dictionaries(NAMES, st.frozensets(st.sampled_from([*OWN, "x", "y"]), max_size=3))
FOR_ALL: dict[str, Any] = {"service": "", "entities": frozenset({"*"}), "kind": "infrastructure"}


def count(names: Iterable[str], graph: Graph, *candidates: Candidate, **fields: Any) -> int:
    others = [Neighbour(name, frozenset({f"HOST-of-{name}"})) for name in names]
    return count_unrelated(
        problem(**fields), others, candidates, CONTEXT.callees, CONTEXT.callers, lambda name: graph.get(name, frozenset())
    )


@given(st.lists(NAMES), GRAPHS)
def test_what_the_one_service_that_explains_the_most_leaves_counts(names: list[str], graph: Graph) -> None:
    left = [sum(own not in graph.get(name, ()) for name in set(names)) for own in OWN]
    assert count(names, graph) == min(left)


@given(st.lists(NAMES), GRAPHS, NAMES, st.sampled_from(OWN))
def test_a_dependency_more_never_makes_it_more(names: list[str], graph: Graph, name: str, callee: str) -> None:
    assert count(names, {**graph, name: graph.get(name, frozenset()) | {callee}}) <= count(names, graph)


@given(st.lists(NAMES), GRAPHS)
def test_where_all_depend_on_what_this_one_depends_on_it_is_nothing(names: list[str], graph: Graph) -> None:
    assert count(names, {name: graph.get(name, frozenset()) | {"database"} for name in names}) == 0


def test_what_is_near_is_not_counted_and_without_a_graph_everything_else_is() -> None:
    near = ["checkout", "payments", "database", "frontend", ""]
    assert count(near, {}) == 0
    assert count([*near, "a", "b", "a"], {}) == 2
    assert count(["a", "b"], {}, entities=frozenset({"HOST-of-a"})) == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"minutes": 5}, 0),
        ({"minutes": 3 * HOUR / MINUTE, "end": PROBLEM.start - 5 * MINUTE}, 0),
        ({"minutes": DAY / MINUTE}, 2),
        ({"minutes": -5}, 2),
        ({"minutes": 5, "service": "search"}, 2),
        ({"minutes": 5, "entities": frozenset({"HOST-1"})}, 2),
    ],
)
def test_a_change_for_everything_of_shortly_before_explains_them_all(fields: dict[str, Any], expected: int) -> None:
    assert count(["a", "b"], {}, change(**{**FOR_ALL, **fields})) == expected


def test_of_a_problem_that_does_not_say_where_it_is_nothing_is_unrelated() -> None:
    assert count(["a", "b"], {}, service="", entities=frozenset()) == 0
    assert count(["a", "b"], {}, service="") == 2


def test_however_many_suffer_few_are_looked_up() -> None:
    looked_up: list[str] = []

    def reach(name: str) -> frozenset[str]:
        looked_up.append(name)
        return frozenset()

    others = [Neighbour(f"service-{number % 120}") for number in range(200)]
    assert count_unrelated(PROBLEM, others, (), CONTEXT.callees, CONTEXT.callers, reach) == MOST_SUFFERING
    assert looked_up == [f"service-{number}" for number in range(MOST_SUFFERING)]
