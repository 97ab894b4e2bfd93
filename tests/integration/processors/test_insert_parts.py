"""What an insert of the sink leaves on disk."""

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.sink.ports import Inserted
from causeline.schemas.migrations import EVENTS_TABLE
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests.engine import Engine

T0 = 1_780_000_000_000


def event(number: int, raw: str) -> Event:
    return Event(
        tenant="t",
        id=ids.uuid7(T0, number.to_bytes(10)),
        dialect="native",
        kind="deployment",
        title=f"rollout {number}",
        ts=T0,
        ingest_ts=T0,
        updated_ts=T0,
        raw=raw,
    )


async def test_a_large_insert_writes_one_compact_part_whose_words_are_indexed(engine: Engine) -> None:
    frames = [codec.encode_record(event(n, "x" * 1_000_000)) for n in range(20)]
    writer = ClickHouseTableWriter(engine.open)
    assert await writer.insert(EVENTS_TABLE, codec.latest("event").id, frames) == Inserted()
    await writer.close()
    with engine.open() as client:
        parts = client.query(
            "SELECT part_type, level, rows, data_uncompressed_bytes > 10485760, secondary_indices_compressed_bytes > 0 FROM system.parts "
            "WHERE active AND database = currentDatabase() AND table = 'events_by_time'"
        ).result_rows
    assert [tuple(row) for row in parts] == [("Compact", 0, 20, 1, 1)]
