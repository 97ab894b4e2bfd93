"""The processors' Broker on aiokafka: a group member on the input topic, a reader of the changelog, a producer of ticks.

aiokafka rebalances eagerly (every partition is revoked each time) and swallows what a listener raises, hence the listener here raises
nothing. A `getmany` may span a rebalance and would then return records of the next assignment: a fetch ends at a revocation, and every
fetch states its position, from which the consumer is placed anew unless it stands there already. A `getmany` that is begun while
partitions are revoked waits for the next assignment, which waits for the revocation: so none is begun then.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError

from causeline.processors.adapters.kafka.transactions import KafkaTransactions, ask_broker, stop_producer, wrap_sequence_numbers
from causeline.processors.runtime.ports import BrokerError, ChangelogRecord, FetchedRecords, FirstOffsets, Input, Listener
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CHANGELOG, INGEST, PROCESSORS_GROUP

_NEVER_MS: Final = 2**31 - 1
"""A member without partitions fetches nothing; a poll interval would throw it out of the group, and it would never join again."""
_FETCH_BYTES: Final = 4 << 20
_FETCH_WAIT_MS: Final = 20
"""A partition may have to wait this long for the others of its broker: one request is in flight, and it waits for records; and none is
sent while records of any partition wait to be taken."""
_REBALANCE_MS: Final = 15_000
"""A member that died while it joined is waited for so long by whoever joins next: the broker counts it as alive until then. A living one
ends its rounds within half a session."""
_ANSWER_S: Final = 10.0
_RESTORE_RECORDS: Final = 10_000
_RESTORE_S: Final = 60.0
"""All partitions restore at once in one loop: on a crowded machine (load 17 on two cores) a read has waited more than 10 s."""

_log = structlog.get_logger()


def transactional_ids(app: str) -> Callable[[int], str]:
    """Return the transactional id of each partition: the same one in every process, so that an owner fences its predecessor."""
    return lambda partition: f"{app}-{partition}"


class KafkaBroker:
    """One group member (see the port for the obligations). Topics and group are arguments so that tests can have their own."""

    def __init__(
        self,
        bootstrap: str,
        *,
        transactional_id: Callable[[int], str] | None = None,
        input_topic: str = INGEST,
        changelog_topic: str = CHANGELOG,
        group: str = PROCESSORS_GROUP,
        session_timeout_ms: int = 30_000,
    ) -> None:
        """`transactional_id` names the writer of a partition. `session_timeout_ms`: how long a dead member keeps its partitions."""
        self._bootstrap: Final = bootstrap
        self._transactional_id: Final = transactional_id or transactional_ids("causeline")
        self._input: Final = input_topic
        self._changelog: Final = changelog_topic
        self._group: Final = group
        self._positions: dict[TopicPartition, int] = {}
        self._is_revoking = False
        self._revocation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._consumer: Final = AIOKafkaConsumer(
            **client_options(bootstrap),
            group_id=group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 4,
            rebalance_timeout_ms=max(2 * session_timeout_ms, _REBALANCE_MS),
            max_poll_interval_ms=_NEVER_MS,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            consumer_timeout_ms=_FETCH_WAIT_MS,
            metadata_max_age_ms=30_000,
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        self._ticks: Final = AIOKafkaProducer(**client_options(bootstrap), enable_idempotence=True)
        wrap_sequence_numbers(self._ticks)

    async def start(self, listener: Listener) -> None:
        """See Broker."""
        await ask_broker("start the tick producer", self._ticks.start(), _ANSWER_S)
        self._consumer.subscribe([self._input], listener=_Rebalances(self, listener))
        # This also waits for the first assignment, and thereby for the others of the group to end their rounds.
        await ask_broker("join the group", self._consumer.start(), 6 * _ANSWER_S)

    async def open(self, partition: int) -> KafkaTransactions:
        """See Broker."""
        writer = KafkaTransactions(
            self._bootstrap,
            self._transactional_id(partition),
            partition=partition,
            input_topic=self._input,
            changelog_topic=self._changelog,
            group=self._group,
        )
        await writer.start()
        return writer

    async def committed(self, partition: int) -> int:
        """See Broker."""
        tp = TopicPartition(self._input, partition)
        first = (await ask_broker("ask for the start of the log", self._consumer.beginning_offsets([tp]), _ANSWER_S))[tp]
        committed = await ask_broker("ask for the committed offset", self._consumer.committed(tp), _ANSWER_S)
        if committed is not None and committed < first:
            _log.warning("records_lost_to_retention", partition=partition, committed=committed, log_start=first)
        return max(int(first), int(committed or 0))

    async def starts(self, partition: int) -> FirstOffsets:
        """See Broker."""
        both = TopicPartition(self._input, partition), TopicPartition(self._changelog, partition)
        offsets = await ask_broker("ask for the starts of the logs", self._consumer.beginning_offsets(both), _ANSWER_S)
        return FirstOffsets(*(int(offsets[tp]) for tp in both))

    @property
    def changelog_topic(self) -> str:
        """See Broker."""
        return self._changelog

    async def changelog(self, partition: int) -> AsyncIterator[Sequence[ChangelogRecord]]:
        """See Broker."""
        tp = TopicPartition(self._changelog, partition)
        reader = AIOKafkaConsumer(
            **client_options(self._bootstrap),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await ask_broker("start the changelog reader", reader.start(), _ANSWER_S)
            reader.assign([tp])
            end = (await ask_broker("ask for the end of the changelog", reader.end_offsets([tp]), _ANSWER_S))[tp]
            await ask_broker("seek the changelog", reader.seek_to_beginning(tp), _ANSWER_S)
            # The position passes markers and compacted offsets, which the offset of the last record does not.
            while await ask_broker("read the changelog", reader.position(tp), _ANSWER_S) < end:
                batches = await ask_broker(
                    "read the changelog", reader.getmany(tp, timeout_ms=1_000, max_records=_RESTORE_RECORDS), _RESTORE_S
                )
                yield [ChangelogRecord(record.offset, record.key or b"", record.value) for record in batches.get(tp, ())]
        finally:
            await reader.stop()

    async def fetch(self, partition: int, position: int, max_records: int, wait_ms: int) -> FetchedRecords:
        """See Broker."""
        if self._is_revoking:
            await asyncio.sleep(0)  # As below; but who asks may be waited for.
            return FetchedRecords([], 0, caught_up=False)
        tp = TopicPartition(self._input, partition)
        revocation = self._revocation
        try:
            if self._positions.get(tp) != position:
                self._consumer.seek(tp, position)
                self._consumer.resume(tp)
        except IllegalStateError:
            await asyncio.sleep(wait_ms / 1_000)  # Whoever asks again and again lets the others have their turn.
            return FetchedRecords([], 0, caught_up=False)
        self._positions.pop(tp, None)
        reading = asyncio.ensure_future(self._consumer.getmany(tp, timeout_ms=wait_ms, max_records=max_records))
        try:
            await asyncio.wait((reading, revocation), timeout=wait_ms / 1_000 + _ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_over = not reading.cancel()
        if revocation.done():
            if is_over:
                reading.exception()  # Looked at, so that asyncio does not report it as lost: the next assignment will meet it again.
            return FetchedRecords([], 0, caught_up=False)
        if not is_over:
            raise BrokerError(f"fetch: nothing came back from the client in {wait_ms / 1_000 + _ANSWER_S:g} s")
        batches = await ask_broker("fetch", reading, _ANSWER_S)
        # Behind the records may lie a marker (a retried dead letter comes in a transaction), which the client's position passes.
        return self._take(
            tp, position, batches.get(tp, ()), await ask_broker("ask for the position", self._consumer.position(tp), _ANSWER_S)
        )

    def _take(
        self, tp: TopicPartition, position: int, records: Sequence[ConsumerRecord[bytes, bytes]], client_position: int
    ) -> FetchedRecords:
        end = self._consumer.highwater(tp)
        number = tp.partition
        inputs = [Input(number, r.offset, r.key or b"", r.value or b"") for r in records if r.offset >= position]
        next_position = inputs[-1].offset + 1 if inputs else position
        self._positions[tp] = next_position
        caught_up = end is not None and client_position >= end
        return FetchedRecords(
            inputs, records[0].timestamp if inputs else 0, caught_up, has_marker=caught_up and client_position > next_position
        )

    async def append(self, partition: int, key: bytes, value: bytes) -> None:
        """See Broker."""
        await ask_broker("append a tick", self._ticks.send_and_wait(self._input, value, key, partition=partition), _ANSWER_S)

    async def stop(self) -> None:
        """See Broker."""
        await stop_producer(self._ticks)
        try:
            await ask_broker("leave the group", self._consumer.stop(), _ANSWER_S)
        except BrokerError as error:
            _log.warning("left_behind", detail=str(error))

    def end_fetches(self) -> None:
        """End every fetch under way, and those that are begun until the next assignment: what they may bring belongs to that."""
        self._is_revoking = True
        self._revocation.set_result(None)
        self._revocation = asyncio.get_running_loop().create_future()
        self._positions.clear()

    def hold(self, partitions: Iterable[TopicPartition]) -> None:
        """Read nothing of new partitions until a fetch names their position."""
        self._is_revoking = False
        self._consumer.pause(*partitions)


class _Rebalances(ConsumerRebalanceListener):
    def __init__(self, broker: KafkaBroker, listener: Listener) -> None:
        self._broker = broker
        self._listener = listener

    async def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        self._broker.end_fetches()
        await self._listener.revoked()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._broker.hold(assigned)
        self._listener.assigned([tp.partition for tp in assigned])
