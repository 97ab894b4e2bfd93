"""The ingest log on Kafka, with a group commit of its own.

Concurrent appends put their records on one queue a partition; one task a partition turns what has gathered into a batch, sends it, and
collects the next one while it waits. So the batch size follows the load without a linger time: a lone event leaves at once, a thousand
share one request. The client library's own `send` makes a future and takes several locks for each record; here one append has one future.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from causeline.ingest.adapters.kafka_producer import ProducerSource
from causeline.ingest.placement import Placed, place
from causeline.ingest.ports import Position
from causeline.schemas import telemetry
from causeline.schemas.errors import Overloaded, Unavailable
from causeline.schemas.records import IngestRecord
from causeline.schemas.topics import INGEST

_log = structlog.get_logger(__name__)

ACK_S: Final = 5.0
"""What a client waits at most for the acknowledgement."""

_STUCK_S: Final = 10.0
"""A batch that is not acknowledged for so long will not be: its clients were answered 5 s ago, the producer is replaced."""

_UNREADY_S: Final = 2.0
_DRAIN_S: Final = 10.0

DEFAULT_MAX_IN_FLIGHT: Final = 64 << 20
"""Bytes that wait for the broker. The whole pipeline on two cores sustains 36 k events/s of 710 bytes, 25 MiB/s, so 64 MiB are 2.6 s of
work: less than the 5 s that a client waits, so that what is let in is also answered. A request of 16 MiB makes up to 35 MiB here."""

DEFAULT_COMPRESSION: Final = "zstd"
"""Measured, 500 events an append: 124 k/s with zstd, 95 k/s with lz4, 125 k/s with none; 54, 104 and 756 bytes a record on disk."""

MAX_SEQUENCE: Final = 1_500_000_000
"""Records by one producer, far below 2^31 on one partition, where the library's sequence numbers break."""


class _Append:
    """One call of `append`: its future, and the positions that are still missing."""

    __slots__ = ("future", "missing", "positions")

    def __init__(self, size: int, future: "asyncio.Future[list[Position]]") -> None:
        self.future = future
        self.missing = size
        self.positions = [_NOWHERE] * size

    def placed(self, slots: list[int], partition: int, base: int) -> None:
        """Note that the records of these slots lie one after the other from `base` on."""
        for offset, slot in enumerate(slots, base):
            self.positions[slot] = Position(partition, offset)
        self.missing -= len(slots)
        if not self.missing and not self.future.done():
            self.future.set_result(self.positions)

    def failed(self, message: str) -> None:
        if not self.future.done():
            self.future.set_exception(Unavailable(message))


_NOWHERE: Final = Position(-1, -1)


class _Part(NamedTuple):
    """What one append has for one partition: its records, and which of the append's they are."""

    append: _Append
    slots: list[int]
    records: list[Placed]

    @property
    def size(self) -> int:
        return sum([record.size for record in self.records])

    def cut(self, at: int) -> "tuple[_Part, _Part]":
        """Return the first `at` records and the others."""
        append, slots, records = self
        return _Part(append, slots[:at], records[:at]), _Part(append, slots[at:], records[at:])


class _Lane:
    """One partition: what waits for it, and since when (loop time) a batch is under way."""

    def __init__(self, partition: int) -> None:
        self.partition: Final = partition
        self.queue: deque[_Part] = deque()
        self.filled: Final = asyncio.Event()
        self.sent_at: float | None = None

    def put(self, part: _Part) -> None:
        self.queue.append(part)
        self.filled.set()

    def drop_answered(self) -> int:
        """Forget waiting records whose client was answered already; return their bytes. They are the oldest: time-outs come in order."""
        dropped = 0
        while self.queue and self.queue[0].append.future.done():
            dropped += self.queue.popleft().size
        return dropped

    def collect(self, batch: BatchBuilder) -> list[_Part]:
        """Move what fits into the batch; a record larger than a batch goes alone, an append that does not fit is cut."""
        taken: list[_Part] = []
        while self.queue:
            part = self.queue.popleft()
            fitted = _fitted(batch, part.records)
            if fitted == len(part.records):
                taken.append(part)
                continue
            first, rest = part.cut(fitted)
            self.queue.appendleft(rest)
            return [*taken, first] if fitted else taken
        return taken


def _fitted(batch: BatchBuilder, records: list[Placed]) -> int:
    add = batch.append
    for fitted, record in enumerate(records):
        if add(timestamp=None, key=record.key, value=record.value) is None:
            return fitted
    return len(records)


def _parts(append: _Append, placed: list[Placed]) -> "dict[int, _Part]":
    parts: dict[int, _Part] = {}
    for slot, record in enumerate(placed):
        part = parts.get(record.partition)
        if part is None:
            part = parts[record.partition] = _Part(append, [], [])
        part.slots.append(slot)
        part.records.append(record)
    return parts


class KafkaEventLog:
    """The EventLog on a topic, `causeline.ingest` unless told otherwise.

    `start` returns at once, whether or not the broker is there; appends answer Unavailable until it is, and again when it is away.
    """

    def __init__(
        self,
        bootstrap: str,
        partitions: int,
        *,
        topic: str = INGEST,
        max_in_flight: int = DEFAULT_MAX_IN_FLIGHT,
        compression: str | None = DEFAULT_COMPRESSION,
        max_sequence: int = MAX_SEQUENCE,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._compression = compression
        self._max_in_flight = max_in_flight
        self._max_sequence = max_sequence
        self._sequence = 0
        self._lanes = [_Lane(partition) for partition in range(partitions)]
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._source: ProducerSource | None = None
        self._owner: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Begin to connect and to accept appends."""
        self._owner = asyncio.create_task(self._run(), name="ingest log")
        self._owner.add_done_callback(_report)

    @property
    def ready(self) -> bool:
        """Return whether appends are likely to be acknowledged: connected, and no batch waits longer than 2 s."""
        if self._owner is None or self._owner.done() or self._source is None or not self._source.available:
            return False
        now = asyncio.get_running_loop().time()
        return all(lane.sent_at is None or now - lane.sent_at < _UNREADY_S for lane in self._lanes)

    async def append(self, records: Sequence[IngestRecord]) -> list[Position]:
        """Append all records; see EventLog.append."""
        if not records:
            return []
        placed = place(records, len(self._lanes))
        size = sum([record.size for record in placed])
        self._admit(size)
        loop = asyncio.get_running_loop()
        append = _Append(len(placed), loop.create_future())
        for partition, part in _parts(append, placed).items():
            self._lanes[partition].put(part)
        began = loop.time()
        timer = loop.call_later(ACK_S, self._expire, append)
        try:
            return await append.future
        finally:
            timer.cancel()
            telemetry.APPEND_SECONDS.observe(loop.time() - began)

    def _admit(self, size: int) -> None:
        if self._owner is None or self._owner.done() or self._closing:
            raise Unavailable("the ingest log is not open")
        if self._in_flight and self._in_flight + size > self._max_in_flight:
            raise Overloaded("too many bytes wait for the broker")
        self._count(size)

    def _count(self, size: int) -> None:
        self._in_flight += size
        telemetry.APPEND_BYTES_IN_FLIGHT.set(self._in_flight)
        if self._in_flight:
            self._idle.clear()
        else:
            self._idle.set()

    def _expire(self, append: _Append) -> None:
        append.failed(f"the broker did not acknowledge within {ACK_S:.0f} s")
        self._count(-sum(lane.drop_answered() for lane in self._lanes))

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._source = ProducerSource(self._bootstrap, self._topic, len(self._lanes), self._compression, group.create_task)
            for lane in self._lanes:
                group.create_task(self._flush(lane, self._source))

    async def _flush(self, lane: _Lane, source: ProducerSource) -> None:
        while True:
            await lane.filled.wait()
            producer = await source.get()
            self._count(-lane.drop_answered())
            batch = producer.create_batch()
            taken = lane.collect(batch)
            if not lane.queue:
                lane.filled.clear()
            if taken:
                await self._commit(lane, source, producer, batch, taken)

    async def _commit(
        self,
        lane: _Lane,
        source: ProducerSource,
        producer: AIOKafkaProducer,
        batch: BatchBuilder,
        taken: list[_Part],
    ) -> None:
        lane.sent_at = asyncio.get_running_loop().time()
        failure = "the ingest log was closed"
        try:
            base = await self._sent(lane, producer, batch)
        except Exception as error:  # noqa: BLE001 - whatever the library raises, this producer's sequence is no longer known
            failure = f"the broker did not take the events: {error!r}"
            source.discard(producer, repr(error))
        else:
            failure = ""
            for part in taken:
                part.append.placed(part.slots, lane.partition, base)
                base += len(part.slots)
            self._wear(source, producer, sum(len(part.slots) for part in taken))
        finally:
            lane.sent_at = None
            if failure:
                for part in taken:
                    part.append.failed(failure)
            self._count(-sum(part.size for part in taken))

    async def _sent(self, lane: _Lane, producer: AIOKafkaProducer, batch: BatchBuilder) -> int:
        async with asyncio.timeout(_STUCK_S):
            acknowledged = await producer.send_batch(batch, self._topic, partition=lane.partition)
            base = int((await acknowledged).offset)
        if base < 0:
            raise RuntimeError("the broker had the batch already and does not say where")
        return base

    def _wear(self, source: ProducerSource, producer: AIOKafkaProducer, records: int) -> None:
        self._sequence += records
        if self._sequence >= self._max_sequence:
            self._sequence = 0
            source.retire(producer, "its sequence numbers are used up")

    async def stop(self) -> None:
        """Refuse new appends, wait up to 10 s for those under way, then close."""
        self._closing = True
        owner = self._owner
        if owner is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self._idle.wait()
        owner.cancel()
        await asyncio.wait([owner])
        for lane in self._lanes:
            for part in lane.queue:
                part.append.failed("the ingest log was closed")
        if self._source is not None:
            await self._source.close()


def _report(owner: "asyncio.Task[None]") -> None:
    if not owner.cancelled() and (error := owner.exception()) is not None:
        _log.error("the ingest log ended", exc_info=error)
