"""Months of events that are merged or not, and a store whose queries are told apart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.sink.ports import Inserted
from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.adapters.clickhouse.pool import RowDecoder
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.sql.statements import Query
from causeline.schemas.migrations import EVENTS_TABLE
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import MAX_MS
from causeline.schemas.wire import codec
from tests.contract.event_rows import DAY, HOUR, Bench, event, gone
from tests.engine import Engine

_Row = TypeVar("_Row")

MONTHS: Final = ("202509", "202510", "202511", "202512")
START: Final = 1_756_684_800_000
"""2025-09-01, 122 days before 2026."""
END: Final = START + 122 * DAY
WHOLE: Final = MAX_MS + 1


class TracedQueries:
    """The queries of a store; before the nth is asked, something may happen."""

    def __init__(self, queries: Queries, happenings: dict[int, Callable[[], object]] | None = None) -> None:
        self._queries = queries
        self._happenings = happenings or {}
        self.asked: list[Query] = []

    async def rows(self, query: Query, decoder: RowDecoder[_Row]) -> list[_Row]:
        if happen := self._happenings.get(len(self.asked)):
            happen()
        self.asked.append(query)
        return await self._queries.rows(query, decoder)

    @property
    def ways(self) -> list[str]:
        """Return of each query whether it asks for the parts, counts by day, or counts with FINAL alone."""
        by_text = {"system.parts": "parts", "_partition_id": "by day", " FINAL": "final"}
        return [next(way for text, way in by_text.items() if text in query.text) for query in self.asked]


@contextmanager
def opened(engine: Engine) -> Iterator[Client]:
    client = engine.open()
    try:
        yield client
    finally:
        client.close()


def merge(client: Client, *months: str) -> None:
    for month in months:
        client.command(f"OPTIMIZE TABLE events_by_time PARTITION ID '{month}' FINAL")


async def sink(engine: Engine, *events: Event) -> None:
    """Insert as the sink does: not collapsed."""
    writer = ClickHouseTableWriter(engine.open)
    assert await writer.insert(EVENTS_TABLE, codec.latest("event").id, [codec.encode_record(each) for each in events]) == Inserted()
    await writer.close()


def filled(engine: Engine, client: Client) -> list[Event]:
    """An event every six hours of the four months, a tenth deleted by parts of their own; all months but the last are merged."""
    events = [event(ms, kind=("deployment", "drift")[ms // HOUR % 5 // 4]) for ms in range(START, END, 6 * HOUR)]
    bench = Bench(ClickHouseEventStore(engine.open), engine)
    bench.put(*events)
    bench.put(*(gone(each) for each in events[5::10]))
    merge(client, *MONTHS[:3])
    return events
