"""The places of the pool are shared among tenants: the heavy questions of one leave room for the others."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.query_api.reading.shares import Shares
from causeline.schemas.web.errors import OverShare, Unavailable
from tests import patience


async def entering(shares: Shares, tenant: str) -> "asyncio.Task[None]":
    task = asyncio.ensure_future(shares.enter(tenant))
    await patience.turn()
    await patience.turn()
    return task


async def test_a_tenant_alone_leaves_the_last_place_to_whoever_comes() -> None:
    shares = Shares(4, 100, 100)
    tasks = [await entering(shares, "b") for _ in range(24)]
    assert (shares.places_of("b"), shares.queue_length("b")) == (3, 21)
    bystander = await entering(shares, "a")
    assert bystander.done()
    assert shares.places_of("a") == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_while_another_waits_a_tenant_holds_at_most_half() -> None:
    shares = Shares(4, 100, 100)
    heavy = [await entering(shares, "b") for _ in range(24)]
    bystanders = [await entering(shares, "a") for _ in range(3)]
    assert [task.done() for task in bystanders] == [True, False, False]
    shares.leave("b")
    assert (shares.places_of("a"), shares.places_of("b")) == (1, 2)  # the last free place is for whoever holds none
    shares.leave("b")
    assert (shares.places_of("a"), shares.places_of("b")) == (1, 2)  # its turn
    shares.leave("b")
    assert (shares.places_of("a"), shares.places_of("b")) == (2, 1)
    for task in (*heavy, *bystanders):
        task.cancel()
    await asyncio.gather(*heavy, *bystanders, return_exceptions=True)


async def test_tenants_are_served_in_turn_and_each_in_its_order() -> None:
    shares = Shares(1, 100, 100)
    await shares.enter("x")
    order: list[str] = []

    async def query(tenant: str, number: int) -> None:
        await shares.enter(tenant)
        order.append(f"{tenant}{number}")
        shares.leave(tenant)

    tasks = []
    for tenant, number in (("b", 0), ("b", 1), ("b", 2), ("a", 0), ("c", 0), ("a", 1)):
        tasks.append(asyncio.ensure_future(query(tenant, number)))
        await patience.turn()
    shares.leave("x")
    await asyncio.gather(*tasks)
    assert order == ["b0", "a0", "c0", "b1", "a1", "b2"]


async def test_who_waits_is_bounded_by_tenant_and_in_all() -> None:
    shares = Shares(1, 3, 2)
    await shares.enter("x")
    waiting = [await entering(shares, tenant) for tenant in ("b", "b")]
    with pytest.raises(OverShare) as refused:
        await shares.enter("b")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    waiting.append(await entering(shares, "a"))
    with pytest.raises(Unavailable, match="too many"):
        await shares.enter("c")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (shares.queue_length("a"), shares.queue_length("b")) == (0, 0)


async def test_who_is_cancelled_waits_no_more_and_holds_nothing() -> None:
    shares = Shares(1, 10, 10)
    await shares.enter("x")
    first, second = await entering(shares, "b"), await entering(shares, "a")
    first.cancel()
    shares.leave("x")
    await second
    assert (shares.places_of("a"), shares.places_of("b"), shares.queue_length("b")) == (1, 0, 0)
    third = await entering(shares, "b")
    shares.leave("a")
    third.cancel()  # in the moment between its turn and its next step
    await asyncio.gather(third, return_exceptions=True)
    assert shares.places_of("b") == 0
    await asyncio.wait_for(shares.enter("c"), 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(st.sampled_from("abc"), max_size=40), st.randoms(use_true_random=False))
def test_places_are_never_lost_nor_given_twice_and_everybody_is_served(places: int, tenants: list[str], chance: random.Random) -> None:
    async def run() -> None:
        shares = Shares(places, 100, 100)
        count = 0

        async def query(tenant: str) -> None:
            nonlocal count
            await shares.enter(tenant)
            assert sum(shares.places_of(one) for one in "abc") <= places
            try:
                for _ in range(chance.randrange(3)):
                    await patience.turn()
            finally:
                shares.leave(tenant)
            count += 1

        tasks = [asyncio.ensure_future(query(tenant)) for tenant in tenants]
        cancelled = 0
        for task in tasks:
            await patience.turn()
            if chance.random() < 0.2:
                cancelled += task.cancel()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert sum(outcome is None for outcome in outcomes) == count
        assert count + cancelled >= len(tenants)
        assert [(shares.places_of(one), shares.queue_length(one)) for one in "abc"] == [(0, 0)] * 3

    asyncio.run(run())
