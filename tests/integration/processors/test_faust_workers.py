"""faust on the real broker: what is committed, what takes whose place, and how it ends."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.faust_workers import FaustWorkers
from causeline.schemas.kafka_address import client_options
from tests.kafka_topics import Topics, committed_offsets, make_topics, until


async def produce(bootstrap: str, topics: Topics, *values: bytes) -> None:
    producer = AIOKafkaProducer(**client_options(bootstrap))
    await producer.start()
    for value in values:
        await producer.send_and_wait(topics.input, value, partition=0)
    await producer.stop()


async def test_work_that_is_set_aside_takes_no_place_and_is_not_committed_before_it_is_done(broker: EmbeddedBroker) -> None:
    topics = await make_topics(broker.bootstrap, 1)
    values: list[bytes] = []
    release, others = asyncio.Event(), asyncio.Event()

    async def work(value: bytes, partition: int) -> None:
        assert partition == 0
        if value.startswith(b"slow"):
            await release.wait()
        values.append(value)
        if len(values) == 3:
            others.set()

    workers = FaustWorkers(
        broker.bootstrap, work, topic=topics.input, group=topics.group, concurrency=1, aside=lambda value: value.startswith(b"slow")
    )
    stop = asyncio.Event()
    running = asyncio.create_task(workers.run(stop))
    await produce(broker.bootstrap, topics, b"0", b"slow 1", b"slow 2", b"3", b"4")
    async with asyncio.timeout(30):
        await others.wait()
    assert values == [b"0", b"3", b"4"]

    async def committed(offset: int) -> bool:
        offsets = await committed_offsets(broker.bootstrap, topics, 1)
        assert offsets <= [offset]
        return offsets == [offset]

    await until(lambda: committed(1))
    release.set()
    await until(lambda: committed(5))
    stop.set()
    await running


async def test_what_work_raises_ends_the_workers(broker: EmbeddedBroker) -> None:
    topics = await make_topics(broker.bootstrap, 1)

    async def work(value: bytes, _: int) -> None:
        raise LookupError(value)

    workers = FaustWorkers(broker.bootstrap, work, topic=topics.input, group=topics.group, concurrency=4)
    await produce(broker.bootstrap, topics, b"x")
    async with asyncio.timeout(30):
        with pytest.raises(LookupError):
            await workers.run(asyncio.Event())
    assert await committed_offsets(broker.bootstrap, topics, 1) == [0]


async def test_what_an_aborted_transaction_wrote_is_not_worked_on(broker: EmbeddedBroker) -> None:
    topics = await make_topics(broker.bootstrap, 1)
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), transactional_id=topics.group)
    await producer.start()
    for value in (b"aborted", b"committed"):
        await producer.begin_transaction()
        await producer.send_and_wait(topics.input, value, partition=0)
        await (producer.abort_transaction() if value == b"aborted" else producer.commit_transaction())
    await producer.stop()
    values: list[bytes] = []
    sighting = asyncio.Event()

    async def work(value: bytes, _: int) -> None:
        values.append(value)
        if value == b"committed":
            sighting.set()

    workers = FaustWorkers(broker.bootstrap, work, topic=topics.input, group=topics.group, concurrency=1)
    stop = asyncio.Event()
    running = asyncio.create_task(workers.run(stop))
    async with asyncio.timeout(30):
        await sighting.wait()
    stop.set()
    await running
    assert values == [b"committed"]
