"""The two brokers that the laws hold for, behind one face: what a test does to a cluster from outside."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer

from causeline.processors.adapters.kafka.broker import KafkaBroker, transactional_ids
from causeline.processors.adapters.memory.broker import MemoryBroker
from causeline.processors.adapters.memory.log import ManualClock, MemoryLog
from causeline.processors.runtime.ports import Broker
from causeline.schemas.kafka_address import client_options
from tests import patience
from tests.kafka_topics import Topics, delete_before, read_committed

Records = list[tuple[bytes, bytes | None]]


class Member:
    """A listener that only remembers; its `partitions` are what the group gave it."""

    def __init__(self) -> None:
        self.partitions: set[int] = set()
        self.revocations = 0
        self._changed = asyncio.Event()

    def assigned(self, partitions: Sequence[int]) -> None:
        self.partitions = set(partitions)
        self._changed.set()

    async def revoked(self) -> None:
        self.partitions = set()
        self.revocations += 1

    async def until_it_has(self, count: int) -> None:
        """Wait until so many partitions are assigned."""
        async with asyncio.timeout(20):
            while len(self.partitions) != count:
                self._changed.clear()
                await self._changed.wait()


class Cluster(Protocol):
    """A broker with an input topic of two partitions, one output topic and one changelog."""

    out: str
    max_bytes: int

    def member(self, app: str = "app") -> Broker: ...
    async def produce(self, partition: int, *values: bytes) -> None: ...
    async def read(self, topic: str, partition: int) -> Records: ...
    async def expire(self, member: Broker) -> None: ...
    async def delete_before(self, topic: str, partition: int, offset: int) -> None: ...
    @property
    def input(self) -> str: ...
    @property
    def changelog(self) -> str: ...


class MemoryCluster:
    out = "out"
    max_bytes = 8 << 20

    def __init__(self) -> None:
        self.log = MemoryLog(ManualClock(), partitions=2, input_topic="input", changelog_topic="changelog", max_bytes=self.max_bytes)
        self.input, self.changelog = self.log.input_topic, self.log.changelog_topic

    def member(self, app: str = "app") -> Broker:
        return MemoryBroker(self.log, transactional_id=transactional_ids(app))

    async def produce(self, partition: int, *values: bytes) -> None:
        for value in values:
            self.log.append(self.log.input_topic, partition, b"k", value)

    async def read(self, topic: str, partition: int) -> Records:
        return [(entry.key or b"", entry.value) for entry in self.log.committed_entries(topic, partition)]

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        self.log.delete_before(topic, partition, offset)

    async def expire(self, member: Broker) -> None:
        assert isinstance(member, MemoryBroker)
        member.reachable = False
        await self.log.leave(member)


class KafkaCluster:
    max_bytes = 8 << 20

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self.input, self.out, self.changelog = topics.input, topics.out, topics.changelog

    def member(self, app: str = "app") -> Broker:
        return KafkaBroker(
            self._bootstrap,
            transactional_id=transactional_ids(f"{self._topics.group}-{app}"),
            input_topic=self._topics.input,
            changelog_topic=self._topics.changelog,
            group=self._topics.group,
            session_timeout_ms=2_000,
        )

    async def produce(self, partition: int, *values: bytes) -> None:
        producer = AIOKafkaProducer(**client_options(self._bootstrap), max_request_size=9 << 20)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(self._topics.input, value, b"k", partition=partition)
        finally:
            await producer.stop()

    async def read(self, topic: str, partition: int) -> Records:
        return await read_committed(self._bootstrap, topic, partition)

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        await delete_before(self._bootstrap, topic, partition, offset)

    async def expire(self, member: Broker) -> None:
        await member.stop()


async def eventually(read: Callable[[], Awaitable[Records]], expected: Records, seconds: float = 20.0) -> None:
    """Wait until a reading gives what is expected (a commit is visible a moment after it is durable)."""
    committed_records = await patience.found(read, lambda records: records == expected or len(records) > len(expected), seconds=seconds)
    assert committed_records == expected, f"{len(committed_records)} records instead of {len(expected)}"
