"""A replica may be behind: plain reads may lack what was acknowledged, fresh ones never do. The shipped twin, and ClickHouse over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from causeline.processors.adapters.clickhouse import apply_migrations, open_server
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import EventFilter, Page
from causeline.schemas.migrations import TableLayout
from tests.clickhouse_http import ClickHouseHttp
from tests.contract.event_rows import T0, TENANT, Bench, after, event, problem
from tests.engine import Engine

WHERE = EventFilter(tenant=TENANT)


class Replicated(NamedTuple):
    """A store of two replicas; from its beginning on, the second one is held back."""

    bench: Bench
    release: Callable[[], None]


@pytest.fixture(params=["memory", "clickhouse"])
async def replicated(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replicated]:
    if request.param == "memory":
        leader = MemoryEventStore()
        replica = MemoryEventStore(leader)
        yield Replicated(Bench(replica, None, held=True), replica.catch_up)
        return
    server = await asyncio.to_thread(ClickHouseHttp(tmp_path, replica=True).start)
    layout = TableLayout()
    client = open_server(server.url, "default")
    apply_migrations(client, layout)
    client.close()
    server.hold()
    engine = Engine(lambda database: open_server(server.url, database or "default"), layout)
    store = ClickHouseEventStore(engine.open)
    yield Replicated(Bench(store, engine), server.release)
    await store.close()
    server.stop()


async def test_a_fresh_read_has_what_a_replica_lacks_and_a_plain_one_has_it_once_the_replica_does(replicated: Replicated) -> None:
    bench, store = replicated.bench, replicated.bench.store
    row, opened = event(title="new", tags={"slack": "s1"}), problem()
    bench.put(row, opened, after(opened, "closed", T0 + 1))
    assert await store.events(WHERE, Page(limit=10)) == []
    for _ in range(2):  # each replica's turn
        assert await store.fresh.event(TENANT, row.id) == row
        assert await store.fresh.events(EventFilter(tenant=TENANT, tags=(("slack", "s1"),)), Page(limit=1)) == [row]
        history = await store.fresh.problem(TENANT, opened.id, T0 + 1)
        assert history is not None
        assert history.problem.state == "closed"
    replicated.release()
    assert await store.events(WHERE, Page(limit=10)) == [row]
