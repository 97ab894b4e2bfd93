"""A list waits for what its tenant just wrote, and only where waiting is of use."""

import pytest

from causeline.query_api.reading.list_waits import LAGGING_S, SILENCE_S, ListWaits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waits(clock: Clock) -> ListWaits:
    return ListWaits(clock)


def at_rest(_: int) -> float:
    return 0.5


def worth(waits: ListWaits, tenant: str = "acme", lag: float = 0.5, *, with_forwarded: bool = False) -> dict[int, int]:
    return waits.worth(tenant, lambda _: lag, with_forwarded=with_forwarded)


def test_the_newest_position_of_each_partition_is_worth_a_wait(waits: ListWaits) -> None:
    waits.wrote("acme", [(0, 4), (1, 9), (0, 5)])
    waits.wrote("acme", [(1, 8)])
    assert worth(waits) == {0: 5, 1: 9}


def test_nobody_waits_for_what_others_wrote(waits: ListWaits) -> None:
    waits.wrote("acme", [(0, 4)])
    assert worth(waits, "other") == {}


def test_a_second_later_nothing_is_waited_for(waits: ListWaits, clock: Clock) -> None:
    waits.wrote("acme", [(0, 4)])
    clock.now += 0.99
    waits.wrote("acme", [(1, 7)])
    assert worth(waits) == {0: 4, 1: 7}
    clock.now += 0.01
    assert worth(waits) == {1: 7}
    clock.now += 1
    assert worth(waits) == {}
    assert len(waits) == 0


def test_what_was_seen_once_is_not_waited_for_again(waits: ListWaits) -> None:
    waits.wrote("acme", [(0, 4)])
    waits.waited("acme", {0: 4}, frozenset(), with_forwarded=False)
    assert worth(waits) == {}
    waits.wrote("acme", [(0, 5)])
    assert worth(waits) == {0: 5}


def test_a_newer_write_during_a_wait_is_still_waited_for(waits: ListWaits) -> None:
    waits.wrote("acme", [(0, 4)])
    waits.wrote("acme", [(0, 5)])
    waits.waited("acme", {0: 4}, frozenset(), with_forwarded=False)
    assert worth(waits) == {0: 5}


def test_what_was_passed_on_is_a_wait_of_its_own(waits: ListWaits) -> None:
    waits.wrote("acme", [(0, 4)])
    waits.waited("acme", {0: 4}, frozenset(), with_forwarded=False)
    assert worth(waits, with_forwarded=True) == {0: 4}
    waits.waited("acme", {0: 4}, frozenset(), with_forwarded=True)
    assert worth(waits, with_forwarded=True) == {}


def test_a_partition_whose_rows_lag_is_not_waited_for(waits: ListWaits) -> None:
    waits.wrote("acme", [(0, 4)])
    assert worth(waits, lag=LAGGING_S) == {0: 4}
    assert worth(waits, lag=LAGGING_S + 0.1) == {}


def test_a_wait_in_vain_keeps_everybody_from_waiting_for_that_partition_for_a_while(waits: ListWaits, clock: Clock) -> None:
    waits.wrote("acme", [(0, 4), (1, 4)])
    waits.waited("acme", {0: 4, 1: 4}, frozenset({0}), with_forwarded=False)
    waits.wrote("other", [(0, 6)])
    assert (worth(waits), worth(waits, "other")) == ({}, {})
    clock.now += SILENCE_S
    waits.wrote("other", [(0, 7)])
    assert worth(waits, "other") == {0: 7}


def test_a_writer_who_also_lists_loses_little_in_a_pipeline_that_needs_longer(waits: ListWaits, clock: Clock) -> None:
    lists = vain = 0
    for offset in range(1_000):
        waits.wrote("acme", [(0, offset)])
        positions = worth(waits)
        lists += 1
        vain += bool(positions)
        clock.now += 0.3 if positions else 0.01
        waits.waited("acme", positions, frozenset(positions), with_forwarded=False)
    assert vain <= lists * 0.01


def test_the_tenants_that_wrote_last_are_remembered(clock: Clock) -> None:
    waits = ListWaits(clock, tenants=2)
    for tenant in ("a", "b", "c"):
        waits.wrote(tenant, [(0, 1)])
    assert [worth(waits, tenant) for tenant in ("a", "b", "c")] == [{}, {0: 1}, {0: 1}]
