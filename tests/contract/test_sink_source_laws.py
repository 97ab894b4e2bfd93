"""The laws of SinkSource, held by the shipped twin in memory and by Kafka."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.kafka.sink import KafkaSinkSource
from causeline.processors.adapters.memory.sink import MemorySinkSource, MemoryTopics
from causeline.processors.sink.ports import FramedRecord, SinkPositions, SinkSource, TopicPartition
from causeline.schemas.kafka_address import client_options

ALL = 10_000


class Log(Protocol):
    partitions: tuple[TopicPartition, TopicPartition]

    async def transaction(self, at: TopicPartition, values: Sequence[bytes], *, abort: bool = False) -> None: ...
    async def source(self) -> SinkSource: ...
    async def leave(self, source: SinkSource) -> None: ...
    async def ends(self) -> SinkPositions: ...
    async def committed(self) -> SinkPositions: ...


class MemoryLog:
    partitions = (TopicPartition("a", 0), TopicPartition("b", 0))

    def __init__(self) -> None:
        self.topics = MemoryTopics(self.partitions)

    async def transaction(self, at: TopicPartition, values: Sequence[bytes], *, abort: bool = False) -> None:
        for value in values:
            if abort:
                self.topics.mark(at)
            else:
                self.topics.append(at, value, key=b"key")
        self.topics.mark(at)
        await self.topics.wake_polls()

    async def source(self) -> MemorySinkSource:
        return MemorySinkSource(self.topics)

    async def leave(self, source: SinkSource) -> None:
        assert isinstance(source, MemorySinkSource)

    async def ends(self) -> SinkPositions:
        return self.topics.ends()

    async def committed(self) -> SinkPositions:
        return dict(self.topics.committed)


class KafkaLog:
    def __init__(self, bootstrap: str) -> None:
        name = uuid.uuid4().hex
        self.partitions = (TopicPartition(f"a-{name}", 0), TopicPartition(f"b-{name}", 0))
        self._topics = [tp.topic for tp in self.partitions]
        self._group = f"group-{name}"
        self._bootstrap = bootstrap
        self._open: list[KafkaSinkSource] = []
        self._producer = AIOKafkaProducer(**client_options(bootstrap), transactional_id=name)
        self._looker = AIOKafkaConsumer(**client_options(bootstrap), isolation_level="read_committed")
        self._admin = AIOKafkaAdminClient(**client_options(bootstrap))

    async def start(self) -> None:
        await self._admin.start()
        await self._admin.create_topics([NewTopic(topic, 1, 1) for topic in self._topics])
        await asyncio.gather(self._producer.start(), self._looker.start())

    async def stop(self) -> None:
        for source in list(self._open):
            await source.close()
        await asyncio.gather(self._producer.stop(), self._looker.stop(), self._admin.close())

    async def transaction(self, at: TopicPartition, values: Sequence[bytes], *, abort: bool = False) -> None:
        await self._producer.begin_transaction()
        for value in values:
            await self._producer.send(at.topic, value, key=b"key", partition=at.partition)
        await self._producer.flush()
        await (self._producer.abort_transaction() if abort else self._producer.commit_transaction())

    async def source(self) -> KafkaSinkSource:
        source = KafkaSinkSource(self._bootstrap, group=self._group, topics=self._topics)
        await source.start()
        self._open.append(source)
        return source

    async def leave(self, source: SinkSource) -> None:
        assert isinstance(source, KafkaSinkSource)
        await source.close()
        self._open.remove(source)

    async def ends(self) -> SinkPositions:
        offsets = await self._looker.end_offsets([KafkaPartition(*tp) for tp in self.partitions])
        return {TopicPartition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}

    async def committed(self) -> SinkPositions:
        offsets = await self._admin.list_consumer_group_offsets(self._group)
        return {TopicPartition(tp.topic, tp.partition): meta.offset for tp, meta in offsets.items() if meta.offset >= 0}


@pytest.fixture(params=["memory", "kafka"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    if request.param == "memory":
        yield MemoryLog()
        return
    broker: EmbeddedBroker = request.getfixturevalue("broker")
    kafka = KafkaLog(broker.bootstrap)
    await kafka.start()
    yield kafka
    await kafka.stop()


async def read_to_the_end(log: Log, source: SinkSource, max_records: int = ALL) -> tuple[list[FramedRecord], SinkPositions]:
    """Poll until the positions are the ends of the log, as a reader of committed records sees them."""
    records: list[FramedRecord] = []
    positions: SinkPositions = {}
    async with asyncio.timeout(20):
        while positions != await log.ends():
            polled = await source.poll(max_records, 50)
            assert len(polled.records) <= max_records
            records += polled.records
            positions = polled.positions
    return records, positions


def values(records: Sequence[FramedRecord], at: TopicPartition) -> list[bytes]:
    return [record.value for record in records if record.at == at]


async def test_committed_records_come_once_and_in_the_order_of_their_partition(log: Log) -> None:
    first, second = log.partitions
    for n in range(3):
        await log.transaction(first, [b"%d" % (10 * n + i) for i in range(5)])
    await log.transaction(second, [b"x", b""])
    records, _ = await read_to_the_end(log, await log.source())
    assert values(records, first) == [b"%d" % (10 * n + i) for n in range(3) for i in range(5)]
    assert values(records, second) == [b"x", b""]
    assert all(record.key == b"key" for record in records)
    offsets = [record.offset for record in records if record.at == first]
    assert offsets == sorted(set(offsets))


async def test_positions_pass_transaction_markers_up_to_the_end(log: Log) -> None:
    first, second = log.partitions
    await log.transaction(first, [b"one"])
    source = await log.source()
    _, positions = await read_to_the_end(log, source)
    assert positions == {first: 2, second: 0}
    await log.transaction(first, [b"two"])
    _, positions = await read_to_the_end(log, source)
    assert positions == {first: 4, second: 0}


async def test_an_aborted_transaction_is_passed_without_a_record(log: Log) -> None:
    first, second = log.partitions
    await log.transaction(first, [b"no", b"no"], abort=True)
    source = await log.source()
    records, positions = await read_to_the_end(log, source)
    assert (records, positions) == ([], {first: 3, second: 0})
    await log.transaction(first, [b"yes"])
    assert values((await read_to_the_end(log, source))[0], first) == [b"yes"]


async def test_a_poll_returns_no_more_than_was_asked_for_and_the_next_one_goes_on(log: Log) -> None:
    first, second = log.partitions
    for at in log.partitions:
        await log.transaction(at, [b"%d" % i for i in range(25)])
    records, _ = await read_to_the_end(log, await log.source(), max_records=7)
    assert values(records, first) == values(records, second) == [b"%d" % i for i in range(25)]


async def test_positions_belong_to_the_records_that_came_with_them(log: Log) -> None:
    first, _ = log.partitions
    await log.transaction(first, [b"%d" % i for i in range(10)])
    source = await log.source()
    count = 0
    async with asyncio.timeout(20):
        while count < 10:
            polled = await source.poll(3, 50)
            count += len(polled.records)
            if polled.records:
                assert polled.positions[first] in {count, count + 1 if count == 10 else count}


async def test_the_next_member_begins_at_the_committed_positions(log: Log) -> None:
    first, _ = log.partitions
    await log.transaction(first, [b"one", b"two"])
    source = await log.source()
    _, positions = await read_to_the_end(log, source)
    assert await source.commit(positions) == "committed"
    assert await log.committed() == positions == await log.ends()
    await log.leave(source)
    await log.transaction(first, [b"three"])
    records, _ = await read_to_the_end(log, await log.source())
    assert values(records, first) == [b"three"]


async def test_what_was_not_committed_comes_again(log: Log) -> None:
    first, _ = log.partitions
    await log.transaction(first, [b"one", b"two"])
    for _ in range(2):
        source = await log.source()
        assert values((await read_to_the_end(log, source))[0], first) == [b"one", b"two"]
        await log.leave(source)


async def test_a_member_that_lost_its_partitions_cannot_move_their_offsets(log: Log) -> None:
    for at in log.partitions:
        await log.transaction(at, [b"one"])
    old = await log.source()
    _, positions = await read_to_the_end(log, old)
    new = await log.source()
    new_positions: SinkPositions = {}
    async with asyncio.timeout(20):
        while not new_positions:
            new_positions = (await new.poll(ALL, 50)).positions
    assert await old.commit(positions) == "fenced"
    committed = await log.committed()
    assert not set(new_positions) & set(committed)
