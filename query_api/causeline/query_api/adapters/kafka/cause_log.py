"""The log of rankings on Kafka: a group member that only learns which partitions are its own, and for each a writer and a reader.

The group's consumer fetches nothing: a `getmany` may span a rebalance, and no offset is committed, since what is due follows from the two
topics. Each partition has a reader outside any group, opened after its writer: opening the writer ends the transaction of whoever had
the partition before, so what the reader finds up to the end is all there will be of that one.
After an error a writer is spent (aiokafka 0.14): the partition is closed and opened anew. Sends are awaited before the commit, which would
succeed without a rejected batch. Sequence numbers, which aiokafka does not wrap, end after 2^31 records of one writer: years.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import RecordMetadata

from causeline.query_api.publishing.ports import CauseOutput, Displaced, FollowedRecord, LogFailure, Owner
from causeline.schemas.client_calls import await_call, close_within
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CAUSES, CAUSES_GROUP, PROBLEMS_CURRENT
from causeline.schemas.wire.cloud_events import headers_of

_Answer = TypeVar("_Answer")

_NEVER_MS: Final = 2**31 - 1
_REBALANCE_MS: Final = 15_000
_SERVE_MS: Final = 1_000
_POLL_MS: Final = 500
_MAX_RECORDS: Final = 500
"""Decoded at once in the loop: 20 ms."""
_FETCH_BYTES: Final = 1 << 20
_MAX_REQUEST: Final = 12 << 20
"""What the largest topic takes."""
_TRANSACTION_MS: Final = 10_000
_BACKOFF_MS: Final = 20
_ANSWER_S: Final = 10.0
_START_S: Final = 30.0
_CLOSE_S: Final = 2.0


async def _ask(what: str, request: Awaitable[_Answer], seconds: float = _ANSWER_S) -> _Answer:
    """Return what the client answers. Raises LogFailure where it fails or takes longer, Displaced where a newer writer exists."""
    try:
        async with asyncio.timeout(seconds):
            return await await_call(request)
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise Displaced(f"{what}: a newer writer exists") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogFailure(f"{what}: {error!r}") from error


class KafkaCauseLog:
    """See CauseLog. The names of group and topics are arguments so that tests can have their own."""

    def __init__(
        self,
        bootstrap: str,
        *,
        causes: str = CAUSES,
        problems: str = PROBLEMS_CURRENT,
        group: str = CAUSES_GROUP,
        session_timeout_ms: int = 6_000,
    ) -> None:
        self._bootstrap: Final = bootstrap
        self._causes: Final = causes
        self._problems: Final = problems
        self._group: Final = group
        self._session_ms: Final = session_timeout_ms

    async def serve(self, owner: Owner) -> None:
        """See CauseLog."""
        member = AIOKafkaConsumer(
            **client_options(self._bootstrap),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=self._session_ms // 4,
            rebalance_timeout_ms=max(2 * self._session_ms, _REBALANCE_MS),
            max_poll_interval_ms=_NEVER_MS,
            metadata_max_age_ms=30_000,
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        member.subscribe([self._problems], listener=_Assignments(member, owner))
        try:
            await _ask("join the group", member.start(), 6 * _ANSWER_S)
            while True:  # Nothing comes, as all is paused: it tells what went wrong in the background.
                await _ask("belong to the group", member.getmany(timeout_ms=_SERVE_MS), 6 * _ANSWER_S)
        finally:
            await owner.revoked()
            await close_within(_CLOSE_S, member.stop())

    async def open(self, partition: int) -> "KafkaCausePartition":
        """See CauseLog."""
        names = {CAUSES: TopicPartition(self._causes, partition), PROBLEMS_CURRENT: TopicPartition(self._problems, partition)}
        opening = KafkaCausePartition(self._bootstrap, f"{self._group.replace('.', '-')}-{partition}", partition, names)
        try:
            await opening.start()
        except BaseException:
            await opening.close()
            raise
        return opening


class KafkaCausePartition:
    """See CausePartition. `names` are the two topics' partitions by the topics' own names."""

    def __init__(self, bootstrap: str, transactional_id: str, number: int, names: dict[str, TopicPartition]) -> None:
        self.number: Final = number
        self._topics: Final = {tp: topic for topic, tp in names.items()}
        self._partitions: Final = names
        self._failure: LogFailure | None = None
        self._ends: dict[TopicPartition, int] | None = None
        self.is_restored = False
        self._producer: Final = AIOKafkaProducer(
            **client_options(bootstrap),
            transactional_id=transactional_id,
            transaction_timeout_ms=_TRANSACTION_MS,
            max_request_size=_MAX_REQUEST,
            compression_type="lz4",
            retry_backoff_ms=_BACKOFF_MS,
        )
        self._reader: Final = AIOKafkaConsumer(
            **client_options(bootstrap),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_POLL_MS,
        )

    async def start(self) -> None:
        """Fence older writers, then find out where the two topics end. Raises LogFailure."""
        await _ask("open a writer", self._producer.start(), _START_S)
        await _ask("open a reader", self._reader.start())
        partitions = list(self._topics)
        self._reader.assign(partitions)
        self._ends = dict(await _ask("ask for the ends", self._reader.end_offsets(partitions)))
        await _ask("go to the begin", self._reader.seek_to_beginning(*partitions))
        await self._look()

    async def read(self) -> Sequence[FollowedRecord]:
        """See CausePartition."""
        batches = await _ask("read", self._reader.getmany(timeout_ms=_POLL_MS, max_records=_MAX_RECORDS))
        if self._failure is not None:
            raise self._failure
        if not self.is_restored:
            await self._look()
        return [FollowedRecord(self._topics[tp], record.key or b"", record.value) for tp, batch in batches.items() for record in batch]

    async def _look(self) -> None:
        """See whether both topics are read to the ends: positions pass markers and what was compacted away, records do not."""
        positions = {tp: await _ask("ask for the position", self._reader.position(tp)) for tp in self._topics}
        if all(positions[tp] >= end for tp, end in (self._ends or {}).items()):
            self.is_restored = True
            self._reader.pause(self._partitions[CAUSES])

    async def commit(self, outputs: Sequence[CauseOutput]) -> None:
        """See CausePartition."""
        try:
            if self._failure is not None:
                raise self._failure
            await _ask("transaction", self._commit(outputs))
        except LogFailure as failure:
            self._failure = failure
            raise
        except asyncio.CancelledError:
            self._failure = LogFailure("given up in the middle of a transaction")
            raise

    async def _commit(self, outputs: Sequence[CauseOutput]) -> None:
        await self._producer.begin_transaction()
        sends: list[asyncio.Future[RecordMetadata]] = []
        for output in outputs:
            own = self._partitions.get(output.topic)
            topic = output.topic if own is None else own.topic
            headers = headers_of(output.topic, output.value)
            send = await self._producer.send(topic, output.value, key=output.key, partition=output.partition, headers=headers)
            send.add_done_callback(_look_at)  # also where a later one fails first
            sends.append(send)
        await asyncio.gather(*sends)
        await self._producer.commit_transaction()

    async def close(self) -> None:
        """See CausePartition."""
        self._failure = self._failure or LogFailure("closed")
        await close_within(_CLOSE_S, self._reader.stop(), self._producer.stop())
        await close_within(_CLOSE_S, self._producer.client.close())


def _look_at(send: "asyncio.Future[RecordMetadata]") -> None:
    if not send.cancelled():
        send.exception()  # else asyncio reports it as lost


class _Assignments(ConsumerRebalanceListener):
    def __init__(self, member: AIOKafkaConsumer, owner: Owner) -> None:
        self._member = member
        self._owner = owner

    async def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        await self._owner.revoked()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._member.pause(*assigned)
        self._owner.assigned([tp.partition for tp in assigned])
