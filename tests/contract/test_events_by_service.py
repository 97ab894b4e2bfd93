"""What the engine's tables show of one event is the same in both orders: by time, and by service and time."""

import io
from itertools import count
from random import Random

import fastavro
import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.sink.ports import Inserted
from causeline.schemas.migrations import EVENTS_TABLE
from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec
from causeline.schemas.wire.locked import schema_of
from tests.changing_events import SERVICES, STEPS, Step, live_through
from tests.contract.event_rows import T0, event
from tests.engine import Engine

_tenants = count(1)
Row = tuple[str, int, str, int, str, str, str, str, list[str], str]


def rows(client: Client, table: str, tenant: str) -> list[Row]:
    columns = "service, toUnixTimestamp64Milli(ts), id, version, dialect, kind, status, environment, allowed_groups, record"
    where = "tenant = {tenant:String} AND service != ''"
    final = "SETTINGS do_not_merge_across_partitions_select_final = 1"  # as the readers ask
    text = f"SELECT {columns} FROM {table} FINAL WHERE {where} ORDER BY service, ts, id {final}"
    return [tuple(row) for row in client.query(text, parameters={"tenant": tenant}).result_rows]


async def put(writer: ClickHouseTableWriter, events: list[Event]) -> None:
    frames = [codec.encode_record(each) for each in events]
    assert await writer.insert(EVENTS_TABLE, codec.latest("event").id, frames) == Inserted()


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=2, max_size=12), SERVICES, st.randoms(use_true_random=False))
async def test_both_orders_show_the_same_of_any_history(
    migrated: Engine, steps: list[Step], services: tuple[str, str], chance: Random
) -> None:
    tenant = f"tenant {next(_tenants)}"
    published = [msgspec.structs.replace(e, tenant=tenant) for versions in live_through(steps, services).values() for e in versions]
    published += published[chance.randrange(len(published)) :]  # as a sink that was killed does
    writer, client = ClickHouseTableWriter(migrated.open), migrated.open()
    try:
        while published:
            size = chance.randint(1, len(published))
            await put(writer, published[:size])
            del published[:size]
        by_time = rows(client, "events_by_time", tenant)
        assert rows(client, "events_by_service", tenant) == by_time
        if chance.random() < 0.2:
            client.command("OPTIMIZE TABLE events_by_service FINAL")
            assert rows(client, "events_by_service", tenant) == by_time
    finally:
        client.close()
        await writer.close()


async def test_the_row_under_the_service_before_is_hidden_by_a_tombstone_without_a_record(engine: Engine) -> None:
    first = event(service="a", environment="production", allowed_groups=["ops"], raw='{"a":1}')
    second = msgspec.structs.replace(first, version=2, service="b", previous_service="a", updated_ts=T0 + 9)
    writer, client = ClickHouseTableWriter(engine.open), engine.open()
    await put(writer, [first, second, event(service="")])
    await writer.close()
    columns = "service, version, is_deleted, toUnixTimestamp64Milli(updated_ts), record = ''"
    stored = client.query(f"SELECT {columns} FROM events_by_service ORDER BY service, version").result_rows
    assert stored == [("a", 1, 0, T0, 0), ("a", 2, 1, T0 + 9, 1), ("b", 2, 0, T0 + 9, 0)]
    ((service, *_, environment, groups, record),) = rows(client, "events_by_service", first.tenant)
    assert (service, environment, groups, record.endswith('\n{"a":1}')) == ("b", "production", ["ops"], True)
    client.close()


async def test_a_record_of_the_first_version_is_stored_as_one_that_changed_no_service(engine: Engine) -> None:
    old, schema = event(service="a"), schema_of("event", 1)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, codec._plain(schema.definition), msgspec.structs.asdict(old))
    writer, client = ClickHouseTableWriter(engine.open), engine.open()
    assert await writer.insert(EVENTS_TABLE, schema.id, [schema.frame + buffer.getvalue()]) == Inserted()
    await writer.close()
    assert [row[0] for row in rows(client, "events_by_service", old.tenant)] == ["a"]
    client.close()


@pytest.mark.parametrize("table", ["events_by_service"])
async def test_a_row_is_one_stream_at_any_size(engine: Engine, table: str) -> None:
    writer, client = ClickHouseTableWriter(engine.open), engine.open()
    await put(writer, [event(T0 + n, service="a", raw="x" * 1_000) for n in range(2_000)])
    await writer.close()
    client.command(f"OPTIMIZE TABLE {table} FINAL")
    kinds = client.query(
        "SELECT DISTINCT part_type FROM system.parts WHERE active AND database = currentDatabase() AND table = {t:String}",
        parameters={"t": table},
    )
    assert kinds.result_rows == [("Compact",)]
    client.close()
