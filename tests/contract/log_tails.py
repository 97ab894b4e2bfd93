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
from causeline.query_api.live.positions import WITH_CAUSES, Partition
from causeline.query_api.ports import LogTail
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CAUSES
from tests import patience
from tests.kafka_topics import delete_before

COUNT = 2
COMPACTED = Partition(CAUSES, 1)
_SETTINGS = {"max.message.bytes": str(8 << 20)}
_COMPACTION = {"cleanup.policy": "compact", "segment.ms": "500", "min.cleanable.dirty.ratio": "0.01"}


class TailSubject(Protocol):
    """A log under test."""

    tail: LogTail

    async def commit(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        """Write records in one transaction, and commit it."""
        ...

    async def abort(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        """Write records in one transaction, and abort it."""
        ...

    async def compact(self, timestamp: int, rivals: int) -> Partition:
        """Write so many records of one key to a partition of causes, and a tombstone behind them; let compaction take all but the newest.

        Return the partition. Both lie on it with their offsets: the newest record, and the tombstone of another key.
        """
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

    async def compact(self, timestamp: int, rivals: int) -> Partition:
        await self.memory.append(COMPACTED, timestamp, *(b"%d" % number for number in range(rivals)), None)
        self.memory.compact(COMPACTED, *range(rivals - 1))
        return COMPACTED

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
        self.tail: LogTail = KafkaLogTail(broker.bootstrap, COUNT, names=names)

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
        reading = await self.tail.open(WITH_CAUSES)
        try:
            await patience.found(reading.ends, lambda ends: ends[partition] >= self._ends[partition])
        finally:
            await reading.close()

    async def _send(self, partition: Partition, timestamp: int, *values: bytes) -> None:
        topic = self._names[partition.topic]
        for value in values:
            await self._producer.send_and_wait(topic, value, partition=partition.number, timestamp_ms=timestamp)

    async def compact(self, timestamp: int, rivals: int) -> Partition:
        topic = self._names[COMPACTED.topic]
        for number in range(rivals):  # each in a segment of its own: the cleaner leaves the last one alone
            async with self._producer.transaction():
                await self._producer.send_and_wait(topic, b"%d" % number, b"rival", COMPACTED.number, timestamp + number * 1_000)
        async with self._producer.transaction():
            await self._producer.send_and_wait(topic, None, b"gone", COMPACTED.number, timestamp + rivals * 1_000)
        await patience.found(lambda: self._values(COMPACTED), lambda values: values == [b"%d" % (rivals - 1)], seconds=90)
        return COMPACTED

    async def _values(self, partition: Partition) -> list[bytes]:
        """Return what can be read of a partition now."""
        reading = await self.tail.open((partition.topic,))
        try:
            ends = await reading.ends()
            reading.seek(await reading.begins())
            values: list[bytes] = []
            while True:
                batch = await reading.poll()
                values += [record.value for record in batch.records if record.partition == partition]
                if batch.positions == ends:
                    return values
        finally:
            await reading.close()

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
    names = {topic: f"{prefix}.{topic}" for topic in WITH_CAUSES}
    admin = AIOKafkaAdminClient(**client_options(broker.bootstrap))
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(name, COUNT, 1, topic_configs=_SETTINGS | (_COMPACTION if topic == CAUSES else {})) for topic, name in names.items()]
        )
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), transactional_id=prefix, max_request_size=8 << 20)
    await producer.start()
    try:
        yield KafkaTailSubject(broker, names, producer)
    finally:
        await producer.stop()
