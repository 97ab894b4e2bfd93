"""Over lags of the sink and of replicas: no version of an event is published twice, and no acknowledged change is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.changing_fleet import Fleet

SECOND: Final = 1_000
MINUTE: Final = 60_000

Op = tuple[str, int]

_server = st.integers(0, 1)
_OPS: Final = st.one_of(
    st.tuples(st.just("decide"), st.integers(0, 3)),
    st.tuples(st.just("decide"), st.integers(0, 3)),
    st.tuples(st.just("land"), st.integers(0, 9)),
    st.tuples(st.just("land"), st.integers(0, 9)),
    st.tuples(st.just("process"), _server),
    st.tuples(st.just("sink"), _server),
    st.tuples(st.just("replica"), st.just(0)),
    st.tuples(st.just("look"), _server),
    st.tuples(st.just("flowing"), st.integers(0, 1)),
    st.tuples(st.just("advance"), st.sampled_from([10, SECOND, 14 * SECOND, MINUTE, 4 * MINUTE, 11 * MINUTE])),
)


async def run(fleet: Fleet, ops: list[Op]) -> None:
    """Take the steps; then let everything come to its end."""
    events = [await fleet.create() for _ in range(2)]
    fleet.drain()
    fleet.replica.catch_up()
    steps: dict[str, Callable[[int], Awaitable[None] | None]] = {
        "decide": lambda n: fleet.decide(n % 2, events[n // 2]),
        "land": lambda n: fleet.land(n % len(fleet.flights)) if fleet.flights else None,
        "process": fleet.process,
        "sink": fleet.sink,
        "replica": lambda _: fleet.replica.catch_up(),
        "look": lambda n: fleet.servers[n].look(),
        "flowing": lambda n: setattr(fleet, "flowing", bool(n)),
        "advance": fleet.advance,
    }
    for name, number in ops:
        if (pending := steps[name](number)) is not None:
            await pending
    while fleet.flights:
        await fleet.land()
    fleet.drain()


async def changed_once() -> tuple[Fleet, str]:
    """Return a fleet and its one event, which everybody has seen before its first change landed."""
    fleet = Fleet()
    event = await fleet.create()
    fleet.drain()
    fleet.replica.catch_up()
    await fleet.decide(0, event)
    await fleet.land()
    return fleet, event


async def change_again(fleet: Fleet, event: str) -> None:
    """Change the event by the other server, and let everything come to its end."""
    await fleet.decide(1, event)
    await fleet.land()
    fleet.drain()


@settings(max_examples=300, deadline=None)
@given(st.lists(_OPS, max_size=40), st.tuples(st.integers(-90, 90), st.integers(-90, 90)))
def test_no_version_is_published_twice_and_no_acknowledged_change_is_lost(ops: list[Op], skews_s: tuple[int, int]) -> None:
    fleet = Fleet(skews_ms=(skews_s[0] * SECOND, skews_s[1] * SECOND))
    asyncio.run(run(fleet, ops))
    assert fleet.find_doubles() == []
    assert fleet.find_losses() == []


@settings(max_examples=150, deadline=None)
@given(st.lists(_OPS, max_size=40), st.tuples(st.integers(-3_700, 3_700), st.integers(-3_700, 3_700)))
def test_whatever_clocks_say_no_version_is_published_twice_and_what_is_lost_is_set_aside(ops: list[Op], skews_s: tuple[int, int]) -> None:
    fleet = Fleet(skews_ms=(skews_s[0] * SECOND, skews_s[1] * SECOND))
    asyncio.run(run(fleet, ops))
    assert fleet.find_doubles() == []
    assert len(fleet.find_losses()) <= fleet.letters


@pytest.mark.parametrize("skews_s", [(0, -3_600), (3_600, 0), (-3_600, 3_600)])
async def test_a_server_whose_clock_is_an_hour_off_loses_no_change_that_missed_none(skews_s: tuple[int, int]) -> None:
    fleet = Fleet(skews_ms=(skews_s[0] * SECOND, skews_s[1] * SECOND))
    event = await fleet.create()
    fleet.drain()
    fleet.replica.catch_up()
    for server in (0, 1, 0, 1, 1, 0):
        await fleet.decide(server, event)
        await fleet.land()
        fleet.advance(20 * SECOND)
        fleet.drain()
        fleet.replica.catch_up()
    assert ([row.version for row in fleet.publications], fleet.letters, fleet.find_losses()) == ([1, 2, 3, 4, 5, 6, 7], 0, [])


async def test_a_base_that_a_stopped_sink_left_behind_for_longer_than_the_processors_remember_is_refused() -> None:
    fleet, event = await changed_once()
    fleet.flowing = False
    for _ in range(11):
        fleet.advance(MINUTE)
        fleet.process(0)
        fleet.process(1)
    await fleet.decide(1, event)
    assert (fleet.refused, fleet.flights) == (1, [])
    fleet.flowing = True
    await change_again(fleet, event)
    assert [row.version for row in fleet.publications] == [1, 2, 3]
    assert fleet.find_losses() == []


async def test_a_base_does_not_come_from_a_replica_that_is_behind_by_longer_than_the_processors_remember() -> None:
    fleet, event = await changed_once()
    for _ in range(11):
        fleet.advance(MINUTE)
        for partition in (0, 1):
            fleet.process(partition)
            fleet.sink(partition)
    await change_again(fleet, event)
    assert [row.version for row in fleet.publications] == [1, 2, 3]
    assert fleet.find_losses() == []


async def test_a_change_that_lands_long_after_its_client_was_refused_is_set_aside_where_it_may_have_missed_one() -> None:
    fleet = Fleet()
    event = await fleet.create()
    fleet.drain()
    fleet.replica.catch_up()
    await fleet.decide(0, event)
    await fleet.decide(1, event)
    await fleet.land()
    fleet.drain()
    for _ in range(11):
        fleet.advance(MINUTE)
        fleet.drain()
    await fleet.land()
    fleet.drain()
    assert [row.version for row in fleet.publications] == [1, 2]
    assert fleet.letters == 1
