"""One tenant's heavy questions on the engine: the other's are answered meanwhile, and what nobody waits for is ended."""

import asyncio
import time
from contextlib import suppress

import msgspec
import pytest

from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.questions.query import EventFilter, Page, RawTest
from causeline.query_api.sql.statements import Query
from causeline.schemas.web.errors import RequestError
from tests import patience
from tests.contract.event_rows import T0, Bench, event, where
from tests.engine import Engine

SLEEPING = Query("count", "SELECT count() AS n FROM numbers_mt(1000000000000) WHERE sipHash64(number) = 1", {}, tenant="umbrella")


async def test_a_bystander_is_answered_while_another_tenant_asks_heavy_questions(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open, QueryLimits(seconds=2, read_rows=10**15, read_bytes=10**18))
    Bench(store, emptied).put(event(T0))
    heavy = [asyncio.ensure_future(_asking(store)) for _ in range(24)]
    await patience.turn()
    took = []
    for _ in range(20):
        began = time.monotonic()
        assert len(await store.events(where(from_ms=T0, to_ms=T0 + 1), Page(limit=5))) == 1
        took.append(time.monotonic() - began)
        assert await store.answers()
    assert not any(task.done() for task in heavy)
    assert sorted(took)[-2] < 2  # it waited for the handles of the others: up to 7 s, then 503
    for task in heavy:
        task.cancel()
    await asyncio.gather(*heavy, return_exceptions=True)
    await store.close()


async def test_a_query_that_nobody_waits_for_is_ended(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open, QueryLimits(handles=1, seconds=60, read_rows=10**15, read_bytes=10**18))
    running = asyncio.ensure_future(store.pool.rows(SLEEPING, _count()))
    client = emptied.open()

    statement = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 1 SETT%' AND query NOT LIKE '%processes%'"

    async def has_begun() -> bool:
        return bool((await asyncio.to_thread(client.query, statement)).result_rows[0][0])

    async with asyncio.timeout(20):
        while not await has_begun():
            pass
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await store.count(EventFilter(tenant="acme")) == 0  # on the only handle: free again long before the query's bound
    client.close()
    await store.close()


async def test_sixteen_conditions_on_any_field_are_planned_in_no_time(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open)
    event_filter = where(raw=tuple(RawTest(f"f{n}", "gt", ("1",)) for n in range(16)))
    await store.count(event_filter)
    began = time.monotonic()
    assert await store.count(event_filter) == 0
    assert time.monotonic() - began < 2
    await store.close()


async def _asking(store: ClickHouseEventStore) -> None:
    """Ask a heavy question again and again, whatever becomes of it."""
    while True:
        with suppress(RequestError):
            await store.pool.rows(SLEEPING, _count())


def _count() -> "msgspec.json.Decoder[dict[str, int]]":
    return msgspec.json.Decoder(dict[str, int])
