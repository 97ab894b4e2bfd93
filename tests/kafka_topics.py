"""What tests do to a Kafka broker from outside: make topics, write to them, read what is committed."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import GroupCoordinatorNotAvailableError

from causeline.schemas.kafka_address import client_options
from tests import patience

_SETTINGS = {"max.message.bytes": str(8 << 20)}


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait until something holds that only the broker knows, and tells when asked. Raises TimeoutError."""
    await patience.found(holds, seconds=seconds)


class Topics(NamedTuple):
    """The topics of one test, and its consumer group."""

    input: str
    out: str
    changelog: str
    group: str


async def make_topics(bootstrap: str, partitions: int, settings: Mapping[str, str] | None = None) -> Topics:
    """Create the topics of one test under names of its own."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    topics = Topics(f"{prefix}.input", f"{prefix}.out", f"{prefix}.changelog", f"{prefix}.group")
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        configs = {**_SETTINGS, **(settings or {})}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs) for name in topics[:3]])
    finally:
        await admin.close()
    return topics


async def delete_before(bootstrap: str, topic: str, partition: int, offset: int) -> None:
    """Take away the records before an offset (DeleteRecords), as an operator may."""
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(offset)})
    finally:
        await admin.close()


async def end_of(bootstrap: str, partition: TopicPartition, isolation_level: str) -> int:
    """Return where a partition ends for a reader: behind all records, or (read_committed) before the first open transaction."""
    consumer = AIOKafkaConsumer(**client_options(bootstrap), isolation_level=isolation_level)
    await consumer.start()
    try:
        return int((await consumer.end_offsets([partition]))[partition])
    finally:
        await consumer.stop()


@asynccontextmanager
async def reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside any group that sees committed records only."""
    consumer = AIOKafkaConsumer(
        **client_options(bootstrap),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 << 20,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def settled(bootstrap: str, topic: str, partition: int) -> None:
    """Wait until readers see what was committed before this call: the broker says so a moment before they do."""
    place = TopicPartition(topic, partition)
    end = await end_of(bootstrap, place, "read_uncommitted")
    await patience.found(lambda: end_of(bootstrap, place, "read_committed"), lambda stable: stable >= end)


async def read_committed(bootstrap: str, topic: str, partition: int) -> list[tuple[bytes, bytes | None]]:
    """Return the committed records of a partition, in order, up to its last stable offset of now."""
    tp = TopicPartition(topic, partition)
    pairs: list[tuple[bytes, bytes | None]] = []
    async with reader(bootstrap) as consumer:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        await consumer.seek_to_beginning(tp)
        while await consumer.position(tp) < end:
            records = (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
            pairs += [(record.key or b"", record.value) for record in records]
    return pairs


async def committed_offsets(bootstrap: str, topics: Topics, partitions: int) -> list[int]:
    """Return the group's committed offset of each partition of the input topic, 0 without one."""
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(topics.group)
    except GroupCoordinatorNotAvailableError:  # On a new broker, until a first member has come.
        return [0] * partitions
    finally:
        await admin.close()
    commits = [offsets.get(TopicPartition(topics.input, partition)) for partition in range(partitions)]
    return [max(0, offset.offset) if offset else 0 for offset in commits]
