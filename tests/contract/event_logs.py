"""The two ingest logs under one suite: how each is opened, read back, taken away and given back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.ingest.adapters.kafka.log import DEFAULT_MAX_IN_FLIGHT, MAX_SEQUENCE, KafkaEventLog
from causeline.ingest.adapters.memory.log import MemoryEventLog
from causeline.ingest.ports import EventLog
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire.codec import decode_record
from tests import patience
from tests.kafka_topics import read_committed
from tests.standstill import go_on, stand_still

PARTITIONS = 4
ACK_LIMIT_S = 5.5

Lines = list[list[IngestRecord]]


class Subject(Protocol):
    """A log under test."""

    log: EventLog

    async def read_back(self) -> Lines:
        """Return what lies on each partition, in order, by offset."""
        ...

    async def away(self) -> None:
        """Take the broker away, so that it does not answer."""
        ...

    async def back(self) -> None:
        """Give it back."""
        ...


class MemorySubject:
    def __init__(self) -> None:
        self.memory = MemoryEventLog(PARTITIONS)
        self.log: EventLog = self.memory

    async def read_back(self) -> Lines:
        return [[decode_record(value, IngestRecord) for _, value in partition] for partition in self.memory.partitions]

    async def away(self) -> None:
        self.memory.away = True

    async def back(self) -> None:
        self.memory.away = False


class KafkaSubject:
    def __init__(self, broker: EmbeddedBroker, topic: str, log: KafkaEventLog) -> None:
        self.broker = broker
        self.topic = topic
        self.kafka = log
        self.log: EventLog = log

    async def read_back(self) -> Lines:
        lines: Lines = []
        for partition in range(PARTITIONS):
            values = [value for _, value in await read_committed(self.broker.bootstrap, self.topic, partition)]
            lines.append([decode_record(value, IngestRecord) for value in values if value is not None])
        return lines

    async def away(self) -> None:
        await asyncio.to_thread(stand_still, self.broker.pid)

    async def back(self) -> None:
        go_on(self.broker.pid)


@asynccontextmanager
async def kafka_subject(
    broker: EmbeddedBroker,
    topic: str,
    *,
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT,
    max_sequence: int = MAX_SEQUENCE,
) -> AsyncIterator[KafkaSubject]:
    """Open a log on a topic of its own."""
    admin = AIOKafkaAdminClient(**client_options(broker.bootstrap))
    await admin.start()
    settings = {"max.message.bytes": str(8 << 20)}
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=settings)])
    await admin.close()
    log = KafkaEventLog(broker.bootstrap, PARTITIONS, topic=topic, max_in_flight=max_in_flight, max_sequence=max_sequence)
    await log.start()
    try:
        yield KafkaSubject(broker, topic, log)
    finally:
        await log.stop()


async def until_appended(log: EventLog, record: IngestRecord, seconds: float) -> int:
    """Append one record until it is acknowledged; return how often it was refused before."""
    refused = 0
    async with asyncio.timeout(seconds):
        while True:
            try:
                await log.append([record])
            except Unavailable:
                refused += 1
            else:
                return refused


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds that no event announces."""
    await patience.holds(condition, seconds=seconds, every=0.001)
