"""The two logs to follow under one suite: how each is written to, cut, taken away and given back."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.query_api.adapters.kafka.tail import KafkaLogTail
from causeline.query_api.adapters.memory.tail import MemoryLogTail
from causeline.query_api.live.positions import Partition
from causeline.query_api.ports import LogTail
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import EVENTS, PROBLEMS
from tests import patience
from tests.kafka_topics import delete_before

COUNT = 2


class TailSubject(Protocol):
    """A log under test."""

    tail: LogTail

    async def commit(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        """Write records in one transaction, and commit it."""
        ...

    async def abort(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        """Write records in one transaction, and abort it."""
        ...

    async def cut(self, partition: Partition, offset: int) -> None:
        """Take away what lies before an offset."""
        ...

    async def away(self) -> None:
        """Take the log away, so that it does not answer."""
        ...

    def back(self) -> None:
        """Give it back."""
        ...


class MemoryTailSubject:
    """A transaction ends with an offset that is no record, as on Kafka."""

    def __init__(self) -> None:
        self.memory = MemoryLogTail(COUNT)
        self.tail: LogTail = self.memory

    async def commit(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        await self.memory.append(partition, timestamp, *values, None)

    async def abort(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        await self.memory.append(partition, timestamp, *(None for _ in values), None)

    async def cut(self, partition: Partition, offset: int) -> None:
        self.memory.cut(partition, offset)

    async def away(self) -> None:
        self.memory.away = True

    def back(self) -> None:
        self.memory.away = False


class KafkaTailSubject:
    def __init__(self, broker: EmbeddedBroker, names: dict[str, str], producer: AIOKafkaProducer) -> None:
        self._broker = broker
        self._names = names
        self._producer = producer
        self._ends: Counter[Partition] = Counter()
        self.tail: LogTail = KafkaLogTail(broker.bootstrap, COUNT, topics=(names[EVENTS], names[PROBLEMS]))

    async def commit(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        async with self._producer.transaction():
            await self._send(partition, timestamp, *values)
        await self._marked(partition, len(values))

    async def abort(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        await self._producer.begin_transaction()
        await self._send(partition, timestamp, *values)
        await self._producer.abort_transaction()
        await self._marked(partition, len(values))

    async def _marked(self, partition: Partition, records: int) -> None:
        """Wait for the marker of a transaction: the broker writes it after it has said that the transaction ended."""
        self._ends[partition] += records + 1
        reading = await self.tail.open()
        try:
            await patience.found(reading.ends, lambda ends: ends[partition] >= self._ends[partition])
        finally:
            await reading.close()

    async def _send(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        topic = self._names[partition.topic]
        for value in values:
            await self._producer.send_and_wait(topic, value, partition=partition.number, timestamp_ms=timestamp)

    async def cut(self, partition: Partition, offset: int) -> None:
        await delete_before(self._broker.bootstrap, self._names[partition.topic], partition.number, offset)

    async def away(self) -> None:
        process = psutil.Process(self._broker.pid)
        process.suspend()
        await patience.holds(lambda: process.status() == psutil.STATUS_STOPPED)  # its threads stop one by one, and nobody tells

    def back(self) -> None:
        psutil.Process(self._broker.pid).resume()


@asynccontextmanager
async def kafka_tail_subject(broker: EmbeddedBroker) -> AsyncIterator[KafkaTailSubject]:
    """Open topics of their own."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    names = {topic: f"{prefix}.{topic}" for topic in (EVENTS, PROBLEMS)}
    admin = AIOKafkaAdminClient(**client_options(broker.bootstrap))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, COUNT, 1, topic_configs={"max.message.bytes": str(8 << 20)}) for name in names.values()])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), transactional_id=prefix, max_request_size=8 << 20)
    await producer.start()
    try:
        yield KafkaTailSubject(broker, names, producer)
    finally:
        await producer.stop()
