"""The public topics read again from their beginning, outside any group: what makes the tables anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, KafkaError, NotCoordinatorForGroupError
from aiokafka.structs import OffsetAndMetadata

from causeline.processors.sink.ports import TOPIC_TABLES, FramedRecord, SinkPositions, Span, Spans, TopicPartition
from causeline.schemas.kafka_address import bare_address, client_options
from causeline.schemas.topics import EVENTS, PROBLEMS, SINK_GROUP

_FETCH_BYTES: Final = 4 << 20
"""Per partition: with four topics of four partitions 64 MiB wait at most, unless one record is larger."""
COORDINATOR_STARTS: Final = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
"""What a broker answers about a group until it has read its topic of offsets: ask again."""
_SILENCE_S: Final = 60
_AGAIN_S: Final = 0.1
_OFFSETS: Final = "__consumer_offsets"


class ReplayError(Exception):
    """The log cannot be read; the message says why."""


class KafkaReplay:
    """The PublicLog over aiokafka. Raises ReplayError where the broker falls silent."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: list[KafkaPartition], bootstrap: str) -> None:
        self._consumer = consumer
        self._partitions = partitions
        self._bootstrap = bootstrap

    async def spans(self) -> dict[TopicPartition, Span]:
        """See PublicLog."""
        begins = await self._consumer.beginning_offsets(self._partitions)
        ends = await self._consumer.end_offsets(self._partitions)
        return {TopicPartition(tp.topic, tp.partition): Span(begins[tp], ends[tp]) for tp in self._partitions}

    async def sink_positions(self, group: str = SINK_GROUP) -> dict[TopicPartition, int]:
        """See PublicLog. Raises ReplayError where the broker does not say."""
        admin = AIOKafkaAdminClient(**client_options(self._bootstrap))
        await admin.start()
        try:
            if _OFFSETS not in await admin.list_topics():  # a new broker, until a first member has come
                return {}
            offsets = await _fetch_offsets(admin, group)
        finally:
            await admin.close()
        return {TopicPartition(tp.topic, tp.partition): meta.offset for tp, meta in offsets.items() if meta.offset >= 0}

    async def read(self, spans: Spans, max_records: int) -> AsyncIterator[tuple[list[FramedRecord], SinkPositions]]:
        """See PublicLog. Raises ReplayError where the broker falls silent."""
        open_spans = {KafkaPartition(*tp): span for tp, span in spans.items() if span.begin < span.end}
        self._consumer.assign(list(open_spans))
        for tp, span in open_spans.items():
            self._consumer.seek(tp, span.begin)
        heard_at = asyncio.get_running_loop().time()
        while open_spans:
            batches = await self._consumer.getmany(*open_spans, timeout_ms=500, max_records=max_records)
            records = [
                FramedRecord(TopicPartition(tp.topic, tp.partition), r.offset, r.timestamp, r.key or b"", r.value or b"")
                for tp, batch in batches.items()
                for r in batch
                if r.offset < open_spans[tp].end
            ]
            positions = {tp: await self._consumer.position(tp) for tp in open_spans}
            for tp, position in positions.items():
                if position >= open_spans[tp].end:
                    del open_spans[tp]
                    self._consumer.pause(tp)
            now = asyncio.get_running_loop().time()
            if batches or len(open_spans) < len(positions):
                heard_at = now
            elif now - heard_at > _SILENCE_S:
                raise ReplayError(f"the broker gave no record for {_SILENCE_S} s")
            yield records, {TopicPartition(tp.topic, tp.partition): position for tp, position in positions.items()}


@asynccontextmanager
async def replay(bootstrap: str) -> AsyncIterator[KafkaReplay]:
    """Connect for the length of a block. Raises ReplayError where no broker answers, is lost, or the public topics are not there."""
    consumer = AIOKafkaConsumer(
        **client_options(bootstrap),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    try:
        await consumer.start()
        partitions = await _partitions(bootstrap)
        consumer.assign(partitions)
        yield KafkaReplay(consumer, partitions, bootstrap)
    except KafkaError as error:
        raise ReplayError(str(error) or type(error).__name__) from error
    finally:
        await consumer.stop()


async def _fetch_offsets(admin: AIOKafkaAdminClient, group: str) -> dict[KafkaPartition, OffsetAndMetadata]:
    """Ask until the broker, which may have started just now, has read its topic of offsets."""
    waited_s = 0.0
    while True:
        try:
            return dict(await admin.list_consumer_group_offsets(group))
        except COORDINATOR_STARTS as error:
            if waited_s > _SILENCE_S:
                raise ReplayError(f"the broker does not say what {group} has committed: {error}") from error
        await asyncio.sleep(_AGAIN_S)
        waited_s += _AGAIN_S


async def _partitions(bootstrap: str) -> list[KafkaPartition]:
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        there = set(await admin.list_topics())
        if missing := [topic for topic in (EVENTS, PROBLEMS) if topic not in there]:
            raise ReplayError(f"{bare_address(bootstrap)} has no topic {', '.join(missing)}: nothing was ever written there")
        # A log that an older version wrote may lack the others.
        descriptions = await admin.describe_topics([topic for topic in TOPIC_TABLES if topic in there])
        return [KafkaPartition(entry["topic"], partition["partition"]) for entry in descriptions for partition in entry["partitions"]]
    finally:
        await admin.close()
