"""A ClickHouse server that hangs: connections stand, nothing answers, and nobody waits longer than a query may take."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from causeline.processors.adapters.clickhouse import open_server
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.schemas.web.errors import Unavailable
from tests.clickhouse_http import ClickHouseHttp
from tests.engine import fresh_engine
from tests.standstill import standing_still

QUERY_S = 1


@pytest.fixture
async def silent(tmp_path: Path) -> AsyncIterator[ClickHouseEventStore]:
    server = ClickHouseHttp(tmp_path / "clickhouse").start()
    try:
        with fresh_engine(lambda database: open_server(server.url, database or "default")) as engine:
            store = ClickHouseEventStore(engine.open, QueryLimits(seconds=QUERY_S))
            assert await store.answers()
            with standing_still(server.process.pid):
                yield store
            await store.close()
    finally:
        server.stop()


async def test_a_query_to_a_server_that_hangs_is_unavailable_soon_after_its_own_bound(silent: ClickHouseEventStore) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"):
        await silent.event("t", "01a1fd7d-7102-7959-969a-d48b9c76c7f4")
    assert QUERY_S < time.monotonic() - began < QUERY_S + 3


async def test_a_server_that_hangs_does_not_answer(silent: ClickHouseEventStore) -> None:
    began = time.monotonic()
    assert not await silent.answers()
    assert time.monotonic() - began < 5
