"""The sink between a real broker and the embedded engine. The topics are shared by all tests: each test has its tenant and group."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from clickhouse_connect.driver.client import Client
from prometheus_client import REGISTRY

from causeline.deploy.broker import EmbeddedBroker
from causeline.deploy.topics import ensure
from causeline.processors.sink import Limits
from causeline.schemas import codec
from causeline.schemas.records import DeadLetter
from causeline.schemas.topics import DEAD_LETTERS, EVENTS, PROBLEMS
from tests.engine import Engine
from tests.sink_stack import PARTITIONS, Progress, event, problem, produce, running_sink


@pytest.fixture(scope="session")
async def bootstrap(broker: EmbeddedBroker) -> str:
    await ensure(broker.bootstrap, PARTITIONS, 1)
    return broker.bootstrap


@pytest.fixture
def tenant() -> str:
    return uuid.uuid4().hex


@pytest.fixture
async def progress(bootstrap: str, tenant: str) -> AsyncIterator[Progress]:
    async with Progress(bootstrap, tenant) as found:
        yield found


def titles(client: Client, tenant: str) -> list[str]:
    sql = "SELECT title FROM events FINAL WHERE tenant = {tenant:String} ORDER BY ts"
    return [row[0] for row in client.query(sql, parameters={"tenant": tenant}).result_rows]


async def test_everything_on_the_topics_is_in_the_tables_once_the_offsets_reach_the_ends(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    values = [(EVENTS, n % PARTITIONS, codec.encode(event(tenant, n))) for n in range(2_000)]
    values += [(EVENTS, n % PARTITIONS, codec.encode(event(tenant, n, 2, title="changed"))) for n in range(0, 2_000, 10)]
    values += [(EVENTS, n % PARTITIONS, codec.encode(event(tenant, n, 2, deleted=True))) for n in range(1, 2_000, 100)]
    values += [(PROBLEMS, n % PARTITIONS, codec.encode(problem(tenant, n, 1, "opened"))) for n in range(30)]
    values += [(PROBLEMS, n % PARTITIONS, codec.encode(problem(tenant, n, 2, "timed_out"))) for n in range(20)]
    async with running_sink(bootstrap, tenant, engine.open):
        await produce(bootstrap, values)
        await progress.applied()
    with engine.open() as client:
        found = titles(client, tenant)
        assert len(found) == 1_980
        assert found.count("changed") == 200
        for state, expected in (("open", 10), ("closed", 20)):
            sql = f"SELECT count() FROM problems_{state} FINAL WHERE tenant = {{t:String}}"
            assert client.query(sql, parameters={"t": tenant}).result_rows[0][0] == expected


async def test_while_the_tables_are_away_the_sink_waits_and_then_misses_nothing(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    def retries() -> float:
        return REGISTRY.get_sample_value("causeline_insert_retries_total", {"error": "UNKNOWN_TABLE"}) or 0.0

    with engine.open() as client:
        client.command("RENAME TABLE events TO events_away")
        async with running_sink(bootstrap, tenant, engine.open):
            before = retries()
            await produce(bootstrap, [(EVENTS, n % PARTITIONS, codec.encode(event(tenant, n))) for n in range(100)])
            async with asyncio.timeout(30):
                while retries() < before + 3:  # noqa: ASYNC110 - a counter moves
                    await asyncio.sleep(0.02)
            assert await progress.left() >= 100
            client.command("RENAME TABLE events_away TO events")
            await progress.applied()
        assert len(titles(client, tenant)) == 100


async def test_a_damaged_record_lies_on_the_dead_letters_and_the_rest_in_the_table(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    good = [codec.encode(event(tenant, n)) for n in range(200)]
    bad = codec.encode(event(tenant, 999, title=tenant))[:-20]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with running_sink(bootstrap, tenant, engine.open), consumer:
        await produce(bootstrap, [(EVENTS, 1, value) for value in [*good[:77], bad, *good[77:]]])
        await progress.applied()
        consumer.assign([TopicPartition(DEAD_LETTERS, 1)])
        async with asyncio.timeout(10):
            while True:
                letter = codec.decode((await consumer.getone()).value or b"", DeadLetter)
                if letter.value == bad:
                    break
    assert (letter.reason, letter.topic, letter.partition, letter.key) == ("row_refused", EVENTS, 1, b"key")
    assert "avro" in letter.detail
    with engine.open() as client:
        assert len(titles(client, tenant)) == 200


async def test_a_reader_that_waits_does_not_wait_for_the_linger(bootstrap: str, engine: Engine, tenant: str, progress: Progress) -> None:
    async with running_sink(bootstrap, tenant, engine.open, Limits(linger_ms=600_000)) as sink:
        await produce(bootstrap, [(EVENTS, 0, codec.encode(event(tenant, 0)))])
        async with asyncio.timeout(60):
            while await progress.left():
                sink.wake()
                await asyncio.sleep(0.02)
    with engine.open() as client:
        assert len(titles(client, tenant)) == 1


async def test_a_second_sink_of_the_group_takes_over_and_nothing_is_missing(
    bootstrap: str, engine: Engine, tenant: str, progress: Progress
) -> None:
    values = [(EVENTS, n % PARTITIONS, codec.encode(event(tenant, n))) for n in range(3_000)]
    limits = Limits(linger_ms=0, max_records=100)
    async with running_sink(bootstrap, tenant, engine.open, limits):
        await produce(bootstrap, values[:1_500])
        async with running_sink(bootstrap, tenant, engine.open, limits):
            await produce(bootstrap, values[1_500:])
            await progress.applied()
    with engine.open() as client:
        assert len(titles(client, tenant)) == 3_000
