"""Parts of the log read again for one subscription, by one consumer outside any group that is used for one piece of work at a time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from causeline.processors.adapters.kafka.progress import KafkaProgress
from causeline.processors.runtime.ports import BrokerError
from causeline.processors.workers.log_reading import (
    LATE_MS,
    MAX_BACKFILL_SCANNED,
    MAX_REFILL_SCANNED,
    ScanStep,
    cursor_text,
    from_before,
    positions_of,
    told_to,
)
from causeline.schemas import telemetry
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.delivery_work import Backfill, Backfilled, Refill, Refilled
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import RecordKind, Rule
from causeline.schemas.topics import DELIVERIES, EVENTS, PROBLEMS

_log = structlog.get_logger(__name__)

_WAIT_MS: Final = 500
_STEP_S: Final = 20.0
"""A step that takes longer reports what it has: the work is handed out again after its lease."""
_FETCH_BYTES: Final = 4 << 20
_RECORDS: Final = 2_000


class Sources(NamedTuple):
    """The topics that are read."""

    deliveries: str = DELIVERIES
    events: str = EVENTS
    problems: str = PROBLEMS


PRODUCT: Final = Sources()


class KafkaLogReader:
    """The LogReader of a worker; `clock` tells ms UTC. Every topic has `partitions`.

    The past of a subscription ends where `progress` says that the processors have passed what was on the log when it was asked: until then
    they may still publish what arrived before it was made.
    """

    def __init__(
        self, bootstrap: str, partitions: int, clock: Callable[[], int], progress: KafkaProgress, sources: Sources = PRODUCT
    ) -> None:
        self._bootstrap = bootstrap
        self._progress = progress
        self._partitions = partitions
        self._clock = clock
        self._deliveries: Final = sources.deliveries
        self._public: Final[Mapping[RecordKind, str]] = {"events": sources.events, "problems": sources.problems}
        self._kinds: Final[Mapping[str, type[Event | Problem]]] = {sources.events: Event, sources.problems: Problem}
        self._one_at_a_time: Final = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None

    async def refill(self, work: Refill) -> Refilled:
        """Read `causeline.deliveries` from `since` on. Raises BrokerError."""
        tp = TopicPartition(self._deliveries, work.partition)
        step = ScanStep(MAX_REFILL_SCANNED)
        async with self._one_at_a_time:
            try:
                until = await self._read_deliveries(tp, work, step)
            except (KafkaError, OSError, TimeoutError) as error:
                await self._drop()
                raise BrokerError("the log cannot be read") from error
        return Refilled(subscription=work.subscription, since=work.since, until=until, found=tuple(step.notifications), at=self._clock())

    async def _read_deliveries(self, tp: TopicPartition, work: Refill, step: ScanStep) -> int:
        consumer = await self._open()
        consumer.assign([tp])
        begin, end = await self._span(consumer, tp)
        if begin > work.since:
            telemetry.NOTIFICATIONS_LOST.labels("retention").inc()
            _log.error("a part of the log was gone before it was read", subscription=work.subscription, since=work.since, begin=begin)
        position = max(begin, work.since)
        consumer.seek(tp, position)
        deadline = asyncio.get_running_loop().time() + _STEP_S
        while position < end and not step.full() and asyncio.get_running_loop().time() < deadline:
            batches = await consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=_RECORDS)
            for record in batches.get(tp, ()):
                if record.offset >= end:
                    position = end
                    break
                if step.full() or not step.take(told_to(record.value or b"", work.subscription)):
                    break
                position = record.offset + 1
            else:
                position = await consumer.position(tp)  # behind the markers of transactions too
        return max(position, work.since)

    async def backfill(self, work: Backfill) -> Backfilled:
        """Read the public topics from `work.since` on. Raises BrokerError.

        Causes have no past to tell: their topic is compacted, and holds what is known now. Who follows nothing else is done at once.
        """
        if not self._followed(work.rule):
            return Backfilled(subscription=work.rule.id, since=work.since, cursor="{}", found=(), done=True, at=self._clock())
        step = ScanStep(MAX_BACKFILL_SCANNED)
        async with self._one_at_a_time:
            try:
                cursor, is_done = await self._read_public(work, step)
            except (KafkaError, OSError, TimeoutError) as error:
                await self._drop()
                raise BrokerError("the log cannot be read") from error
        entries = tuple(step.notifications)
        return Backfilled(subscription=work.rule.id, since=work.since, cursor=cursor, found=entries, done=is_done, at=self._clock())

    async def _read_public(self, work: Backfill, step: ScanStep) -> tuple[str, bool]:
        consumer = await self._open()
        positions = await self._places(consumer, work)
        consumer.assign(list(positions))
        begins = await consumer.beginning_offsets(list(positions))
        for tp, position in positions.items():
            positions[tp] = max(position, begins[tp])
        deadline = asyncio.get_running_loop().time() + _STEP_S
        is_done = await self._advance(consumer, work, step, positions, deadline)
        if is_done:  # What the processors had not published yet when it was looked for is published once they have passed the log of now.
            is_done = await self._progress.wait_until_passed(consumer) and await self._advance(consumer, work, step, positions, deadline)
        return cursor_text(_by_topic(positions)), is_done

    async def _advance(
        self, consumer: AIOKafkaConsumer, work: Backfill, step: ScanStep, positions: dict[TopicPartition, int], deadline: float
    ) -> bool:
        """Read on from the positions, which are moved; return whether every partition was read to the end that it has now."""
        ends = await consumer.end_offsets(list(positions))
        for tp, position in positions.items():
            consumer.seek(tp, position)
        pending = {tp for tp, position in positions.items() if position < ends[tp]}
        while pending and not step.full() and asyncio.get_running_loop().time() < deadline:
            batches = await consumer.getmany(*pending, timeout_ms=_WAIT_MS, max_records=_RECORDS)
            for tp, records in batches.items():
                for record in records:
                    if step.full():
                        break
                    if record.offset >= ends[tp] or record.timestamp >= work.rule.created_at + LATE_MS:
                        positions[tp] = ends[tp]
                        break
                    if not step.take(from_before(record.value or b"", self._kinds[tp.topic], work.rule, self._clock())):
                        break
                    positions[tp] = record.offset + 1
                else:
                    positions[tp] = await consumer.position(tp)
            for tp in pending - batches.keys():
                positions[tp] = await consumer.position(tp)
            pending = {tp for tp in pending if positions[tp] < ends[tp]}
        return not pending

    async def _places(self, consumer: AIOKafkaConsumer, work: Backfill) -> dict[TopicPartition, int]:
        if work.since:
            return {TopicPartition(topic, p): at for topic, places in positions_of(work.since).items() for p, at in places.items()}
        parts = [TopicPartition(topic, p) for topic in self._followed(work.rule) for p in range(self._partitions)]
        start = work.rule.start_from or 0
        offsets = await consumer.offsets_for_times(dict.fromkeys(parts, max(0, start)))
        ends = await consumer.end_offsets(parts)
        return {tp: ends[tp] if offsets[tp] is None else offsets[tp].offset for tp in parts}

    def _followed(self, rule: Rule) -> list[str]:
        """Return the topics whose past a rule asks for."""
        return [self._public[kind] for kind in rule.where.followed if kind in self._public]

    async def _span(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> tuple[int, int]:
        return (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **client_options(self._bootstrap),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=_FETCH_BYTES,
                fetch_max_wait_ms=100,
            )
            await self._consumer.start()
        return self._consumer

    async def _drop(self) -> None:
        """Let go of a client that failed: the next piece of work makes a new one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                await consumer.stop()
            except (KafkaError, OSError) as error:
                _log.debug("the reader could not be closed", error=repr(error))

    async def close(self) -> None:
        """Close the consumer."""
        await self._drop()


def _by_topic(positions: Mapping[TopicPartition, int]) -> dict[str, dict[int, int]]:
    out: dict[str, dict[int, int]] = {}
    for tp, position in sorted(positions.items()):
        out.setdefault(tp.topic, {})[tp.partition] = position
    return out
