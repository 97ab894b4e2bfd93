"""The stores that the laws of an EventStore hold for."""

from collections.abc import AsyncIterator, Iterator

import pytest

from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.schemas.migrations import DELIVERIES_TABLE, DORA_TABLE, REVISIONS_TABLE, TRANSITIONS_TABLE
from tests.contract.event_rows import Bench
from tests.engine import Engine, Opener, fresh_engine

_TABLES = (
    *("events_by_time", "events_by_service", "event_keys", DORA_TABLE),
    *(TRANSITIONS_TABLE, "problems_open", "problems_closed"),
    *(DELIVERIES_TABLE, "deliveries_newest", REVISIONS_TABLE),
)


@pytest.fixture(scope="module")
def migrated(clickhouse: Opener) -> Iterator[Engine]:
    with fresh_engine(clickhouse) as fresh:
        yield fresh


@pytest.fixture
def emptied(migrated: Engine) -> Engine:
    """One migrated database for all laws, empty at the start of each."""
    client = migrated.open()
    for table in _TABLES:
        client.command(f"TRUNCATE TABLE {table} SYNC")
    client.close()
    return migrated


@pytest.fixture(params=["memory", "replica", "clickhouse"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield Bench(MemoryEventStore(), None)
        return
    if request.param == "replica":
        yield Bench(MemoryEventStore(MemoryEventStore()), None)
        return
    engine: Engine = request.getfixturevalue("emptied")
    store = ClickHouseEventStore(engine.open, QueryLimits(handles=2))
    yield Bench(store, engine)
    await store.close()
