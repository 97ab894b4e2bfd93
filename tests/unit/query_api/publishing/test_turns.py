"""Whose ranking is made next: random tenants, problems and turns."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.publishing.turns import ProblemPlace, RankingTurns


def place(number: int) -> ProblemPlace:
    return ProblemPlace(number % 3, f"p{number}")


def test_tenants_have_their_turn_one_after_the_other_and_what_opened_goes_first() -> None:
    turns = RankingTurns()
    for number in range(6):
        turns.add("loud", place(number), is_urgent=number >= 4)
    turns.add("quiet", place(9), is_urgent=True)
    assert turns.take(2) == ("loud", [place(4), place(5)])
    assert turns.take(2) == ("quiet", [place(9)])
    assert turns.take(2) is None, "both are busy"
    turns.finish("loud")
    assert turns.take(3) == ("loud", [place(0), place(1), place(2)])


def test_a_problem_that_becomes_urgent_waits_once() -> None:
    turns = RankingTurns()
    turns.add("a", place(1), is_urgent=False)
    turns.add("a", place(1), is_urgent=True)
    turns.add("a", place(1), is_urgent=False)
    assert len(turns) == 1
    assert turns.take(9) == ("a", [place(1)])
    turns.finish("a")
    assert turns.take(9) is None


ADDS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.booleans()), max_size=60)


@given(ADDS, st.integers(1, 5), st.integers(0, 2))
def test_whatever_waits_gets_one_turn_unless_its_partition_goes(adds: list[tuple[str, int, bool]], most: int, partition: int) -> None:
    turns = RankingTurns()
    tenants: dict[ProblemPlace, str] = {}
    for tenant, number, is_urgent in adds:
        turns.add(tenants.setdefault(place(number), tenant), place(number), is_urgent=is_urgent)
    turns.drop(partition)
    expected = {own: tenant for own, tenant in tenants.items() if own.partition != partition}
    assert len(turns) == len(expected)
    served: Counter[ProblemPlace] = Counter()
    while (turn := turns.take(most)) is not None:
        tenant, places = turn
        assert len(places) <= most
        assert {tenants[own] for own in places} == {tenant}
        served.update(places)
        turns.finish(tenant)
    assert served == Counter(expected.keys())
    assert len(turns) == 0
