"""The sink's ports on Kafka: a group member that reads committed records, and a producer of dead letters.

Positions, not the offsets of the last records, are committed: a transaction ends with a marker that takes an offset, and a reader who
compares the committed offset with the end of the topic would otherwise wait for ever.
Heartbeats run beside the sink, so a long insert does not cost the membership; the poll interval is set so long that neither does an
outage of ClickHouse. The client prefetches at most one fetch per partition; how large one is follows from how many partitions there are, so
that what waits in memory is bounded in all.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from causeline.processors.adapters.kafka.transactions import ask_broker
from causeline.processors.runtime.ports import BrokerError
from causeline.processors.sink.ports import TOPIC_TABLES, CommitOutcome, FramedRecord, SinkBatch, SinkPositions, TopicPartition
from causeline.schemas.client_calls import ClientCancelled, await_call
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import DEAD_LETTERS, SINK_GROUP
from causeline.schemas.wire import codec
from causeline.schemas.wire.cloud_events import headers_of

_NEVER_MS: Final = 2**31 - 1
_PREFETCHED: Final = 96 << 20
"""In all partitions together: 6 MiB each with four topics of four, so that a batch is not cut into many fetches."""
_LEAST_FETCH: Final = 256 << 10
"""Per partition, some hundred events. A record that is larger comes alone."""
_MAX_REQUEST: Final = 12 << 20
"""What the topic of dead letters takes; a letter holds a whole record of another topic."""
_CLOSE_S: Final = 10
_COMMIT_S: Final = 10
"""The client itself would ask for ever while the broker is away, and a stop would wait with it."""
_APPEND_S: Final = 30
_new_tuple: Final = tuple.__new__
"""Makes a record in half the time that its own constructor takes."""
_CANCELLED_POLLS: Final = 100
"""So many polls on end that the client cancels inside itself are no broker that went away, but a client that does not come back."""


def fetch_bytes(partitions: int) -> int:
    """Return how much may be fetched of each of so many partitions at once."""
    return max(_PREFETCHED // max(partitions, 1), _LEAST_FETCH)


class KafkaSinkSource:
    """The SinkSource over aiokafka. `partitions` is how many each topic has.

    `session_timeout_ms` is how long a dead member's partitions wait for another; 6 s is the least that brokers allow unless told otherwise.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        group: str = SINK_GROUP,
        topics: Sequence[str] = tuple(TOPIC_TABLES),
        partitions: int = 4,
        session_timeout_ms: int = 6_000,
    ) -> None:
        self._consumer: Final = AIOKafkaConsumer(
            *topics,
            **client_options(bootstrap),
            group_id=group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 4,
            max_poll_interval_ms=_NEVER_MS,
            max_partition_fetch_bytes=fetch_bytes(len(topics) * partitions),
            fetch_max_wait_ms=250,
            metadata_max_age_ms=30_000,
        )
        self._cancelled_polls = 0

    async def start(self) -> None:
        """Join the group. Raises KafkaError where the broker does not answer."""
        await self._consumer.start()

    async def poll(self, max_records: int, timeout_ms: int) -> SinkBatch:
        """See SinkSource. Raises ClientCancelled where the client has been cancelling its own calls for long."""
        try:
            batches = await await_call(self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records))
        except ClientCancelled:
            # It waits only where it has taken no records: none is lost.
            self._cancelled_polls += 1
            if self._cancelled_polls > _CANCELLED_POLLS:
                raise
            await asyncio.sleep(timeout_ms / 1_000)
            return SinkBatch([], {})
        self._cancelled_polls = 0
        # Nothing is awaited between taking the records and reading the positions, so they belong together.
        positions = self._positions()
        records: list[FramedRecord] = []
        for partition, batch in batches.items():
            at = TopicPartition(partition.topic, partition.partition)
            records += [_new_tuple(FramedRecord, (at, r.offset, r.timestamp, r.key or b"", r.value or b"")) for r in batch]
        return SinkBatch(records, positions)

    def _positions(self) -> SinkPositions:
        # `position()` of the client would wait for a partition whose committed offset is still being asked for.
        subscription = self._consumer._subscription.subscription  # noqa: SLF001 - no public way to ask without waiting
        if subscription is None or subscription.assignment is None:
            return {}
        states = {tp: subscription.assignment.state_value(tp) for tp in subscription.assignment.tps}
        return {TopicPartition(tp.topic, tp.partition): state.position for tp, state in states.items() if state.has_valid_position}

    async def commit(self, positions: SinkPositions) -> CommitOutcome:
        """See SinkSource."""
        assignment = self._consumer.assignment()
        offsets = {KafkaPartition(*tp): offset for tp, offset in positions.items() if KafkaPartition(*tp) in assignment}
        try:
            async with asyncio.timeout(_COMMIT_S):
                if offsets:
                    await await_call(self._consumer.commit(offsets))
        except (CommitFailedError, IllegalStateError):
            return "fenced"
        except (KafkaError, OSError, TimeoutError):
            return "unavailable"
        return "committed" if len(offsets) == len(positions) else "fenced"

    async def close(self) -> None:
        """Leave the group, so that another member takes over at once."""
        try:
            await ask_broker("leave the group", self._consumer.stop(), _CLOSE_S)
        except BrokerError:
            return  # the broker is away: the session ends by itself


class KafkaDeadLetters:
    """The DeadLetterLog over aiokafka. The producer is opened with the first letter: there should be none."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap: Final = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def append(self, letter: DeadLetter) -> None:
        """See DeadLetterLog. The letter lies in the partition that its record lay in."""
        if self._producer is None:
            producer = AIOKafkaProducer(**client_options(self._bootstrap), enable_idempotence=True, max_request_size=_MAX_REQUEST)
            await producer.start()
            self._producer = producer
        value = codec.encode_record(letter)
        headers = headers_of(DEAD_LETTERS, value)
        ack = self._producer.send_and_wait(DEAD_LETTERS, value, letter.key or None, letter.partition, headers=headers)
        await asyncio.wait_for(ack, _APPEND_S)

    async def close(self) -> None:
        """Flush and close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.wait_for(producer.stop(), _CLOSE_S)
