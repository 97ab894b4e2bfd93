"""The sink between a real broker and the embedded engine. The topics are shared by all tests: each test has its tenant and group."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from clickhouse_connect.driver.client import Client
from prometheus_client import REGISTRY

from causeline.deploy.adapters.topics import ensure
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.kafka.sink import KafkaSinkSource
from causeline.processors.sink.sink import InsertLimits
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import CAUSES, DEAD_LETTERS, DELIVERIES_LOG, EVENTS, PROBLEMS
from causeline.schemas.wire import codec
from tests import patience
from tests.engine import TITLE, Engine
from tests.sink_stack import PARTITIONS, Progress, delivery, event, problem, produce, revision, running_sink


@pytest.fixture(scope="session")
async def bootstrap(broker: EmbeddedBroker) -> str:
    await ensure(broker.bootstrap, PARTITIONS, 1)
    return broker.bootstrap


@pytest.fixture
def tenant() -> str:
    return uuid.uuid4().hex


@pytest.fixture
async def progress(bootstrap: str, tenant: str) -> AsyncIterator[Progress]:
    async with Progress(bootstrap, tenant) as own_progress:
        yield own_progress


def rows_of(client: Client, table: str, tenant: str) -> int:
    sql = f"SELECT count() FROM {table} FINAL WHERE tenant = {{t:String}}"
    return int(client.query(sql, parameters={"t": tenant}).result_rows[0][0])


def titles(client: Client, tenant: str) -> list[str]:
    sql = f"SELECT {TITLE} FROM events_by_time FINAL WHERE tenant = {{tenant:String}} ORDER BY ts"
    return [row[0] for row in client.query(sql, parameters={"tenant": tenant}).result_rows]


async def test_everything_on_the_topics_is_in_the_tables_once_the_offsets_reach_the_ends(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    values: list[tuple[str, int, bytes | None]] = []
    values += [(EVENTS, n % PARTITIONS, codec.encode_record(event(tenant, n))) for n in range(2_000)]
    values += [(EVENTS, n % PARTITIONS, codec.encode_record(event(tenant, n, 2, title="changed"))) for n in range(0, 2_000, 10)]
    values += [(EVENTS, n % PARTITIONS, codec.encode_record(event(tenant, n, 2, is_deleted=True))) for n in range(1, 2_000, 100)]
    values += [(PROBLEMS, n % PARTITIONS, codec.encode_record(problem(tenant, n, 1, "opened"))) for n in range(30)]
    values += [(PROBLEMS, n % PARTITIONS, codec.encode_record(problem(tenant, n, 2, "timed_out"))) for n in range(20)]
    values += [(DELIVERIES_LOG, n % PARTITIONS, codec.encode_record(delivery(tenant, n, 1, "retried"))) for n in range(50)]
    values += [(DELIVERIES_LOG, n % PARTITIONS, codec.encode_record(delivery(tenant, n, 2, "dead"))) for n in range(40)]
    values += [(CAUSES, n % PARTITIONS, codec.encode_record(revision(tenant, n, number))) for n in range(10) for number in (1, 2, 3)]
    values += [(CAUSES, n % PARTITIONS, None) for n in range(4)]
    async with running_sink(bootstrap, tenant, engine.open):
        await produce(bootstrap, values)
        await progress.wait_until_applied()
    with engine.open() as client:
        all_titles = titles(client, tenant)
        assert len(all_titles) == 1_980
        assert all_titles.count("changed") == 200
        counts = {"problems_open": 10, "problems_closed": 20, "deliveries": 90, "deliveries_newest": 50, "cause_revisions": 30}
        assert {table: rows_of(client, table, tenant) for table in counts} == counts


async def test_a_group_that_knew_fewer_topics_begins_a_new_one_at_its_beginning(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    older = KafkaSinkSource(bootstrap, group=tenant, topics=(EVENTS, PROBLEMS), session_timeout_ms=1_500)
    await older.start()
    await produce(
        bootstrap, [(EVENTS, 0, codec.encode_record(event(tenant, 0))), (DELIVERIES_LOG, 0, codec.encode_record(delivery(tenant, 0, 1)))]
    )
    committed: set[str] = set()
    async with asyncio.timeout(30):
        while committed != {EVENTS, PROBLEMS}:
            await older.commit((await older.poll(1_000, 50)).positions)
            committed = {partition.topic for partition in await progress.committed()}
    await older.close()
    async with running_sink(bootstrap, tenant, engine.open):
        await progress.wait_until_applied()
    with engine.open() as client:
        assert rows_of(client, "deliveries", tenant) == 1


async def test_while_the_tables_are_away_the_sink_waits_and_then_misses_nothing(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    def retries() -> float:
        return REGISTRY.get_sample_value("causeline_insert_retries_total", {"error": "UNKNOWN_TABLE"}) or 0.0

    with engine.open() as client:
        client.command("RENAME TABLE events TO events_away")
        async with running_sink(bootstrap, tenant, engine.open):
            before = retries()
            await produce(bootstrap, [(EVENTS, n % PARTITIONS, codec.encode_record(event(tenant, n))) for n in range(100)])
            await patience.holds(lambda: retries() >= before + 3)
            assert await progress.lag() >= 100
            client.command("RENAME TABLE events_away TO events")
            await progress.wait_until_applied()
        assert len(titles(client, tenant)) == 100


async def test_a_damaged_record_lies_on_the_dead_letters_and_the_rest_in_the_table(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    good = [codec.encode_record(event(tenant, n)) for n in range(200)]
    bad = codec.encode_record(event(tenant, 999, title=tenant))[:-20]
    consumer = AIOKafkaConsumer(**client_options(bootstrap), auto_offset_reset="earliest")
    async with running_sink(bootstrap, tenant, engine.open), consumer:
        await produce(bootstrap, [(EVENTS, 1, value) for value in [*good[:77], bad, *good[77:]]])
        await progress.wait_until_applied()
        consumer.assign([TopicPartition(DEAD_LETTERS, 1)])
        async with asyncio.timeout(10):
            while True:
                letter = codec.decode_record((await consumer.getone()).value or b"", DeadLetter)
                if letter.value == bad:
                    break
    assert (letter.reason, letter.topic, letter.partition, letter.key) == ("row_refused", EVENTS, 1, b"key")
    assert "avro" in letter.detail
    with engine.open() as client:
        assert len(titles(client, tenant)) == 200


async def test_a_reader_that_waits_does_not_wait_for_the_linger(bootstrap: str, engine: Engine, tenant: str, progress: Progress) -> None:
    async with running_sink(bootstrap, tenant, engine.open, InsertLimits(linger_ms=600_000)) as sink:
        await produce(bootstrap, [(EVENTS, 0, codec.encode_record(event(tenant, 0)))])
        async with asyncio.timeout(60):
            while await progress.lag():
                sink.wake()
                await patience.lasting(0.02, "a reader asks again")
    with engine.open() as client:
        assert len(titles(client, tenant)) == 1


async def test_a_second_sink_of_the_group_takes_over_and_nothing_is_missing(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    values = [(EVENTS, n % PARTITIONS, codec.encode_record(event(tenant, n))) for n in range(3_000)]
    limits = InsertLimits(linger_ms=0, max_records=100)
    async with running_sink(bootstrap, tenant, engine.open, limits):
        await produce(bootstrap, values[:1_500])
        async with running_sink(bootstrap, tenant, engine.open, limits):
            await produce(bootstrap, values[1_500:])
            await progress.wait_until_applied()
    with engine.open() as client:
        assert len(titles(client, tenant)) == 3_000
