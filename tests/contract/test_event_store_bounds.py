"""The bounds of the ClickHouse store: what it cannot answer is unavailable, never wrong."""

import asyncio

import pytest

from causeline.query_api.adapters.clickhouse import ClickHouseEventStore, Limits
from causeline.query_api.query import Page
from causeline.schemas.errors import Unavailable
from tests.contract.event_rows import ALL, T0, Bench, event, where
from tests.engine import Engine


async def test_a_store_that_cannot_answer_says_so(engine: Engine) -> None:
    client = engine.open()
    client.command("DROP TABLE events SYNC")
    client.close()
    store = ClickHouseEventStore(engine.open)
    with pytest.raises(Unavailable):
        await store.events(where(), ALL)
    assert await store.answers()
    await store.close()
    with pytest.raises(Unavailable):
        await store.count(where())
    assert not await store.answers()


async def test_a_query_over_its_bounds_is_unavailable_not_wrong(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open, Limits(rows=5))
    Bench(store, emptied).put(*(event(T0 + n) for n in range(10)))
    with pytest.raises(Unavailable):
        await store.events(where(), ALL)
    assert len(await store.events(where(), Page(limit=5))) == 5
    await store.close()


async def test_more_waiting_queries_than_the_bound_are_refused_at_once(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open, Limits(handles=1, waiting=3))
    outcomes = await asyncio.gather(*(store.count(where()) for _ in range(10)), return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome == 0] == [0] * 4
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 6
    assert await store.count(where()) == 0
    await store.close()
