"""The ingest log on Kafka, with a group commit of its own.

Concurrent appends put their records on one queue a partition; one task a partition turns what has gathered into a batch, sends it, and
collects the next one while it waits. So the batch size follows the load without a linger time: a lone event leaves at once, a thousand
share one request. The client library's own `send` makes a future and takes several locks for each record; here one append has one future.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from causeline.ingest.adapters.kafka.lanes import Append, AppendLane, AppendPart, parts_of
from causeline.ingest.adapters.kafka.producer import ProducerSource
from causeline.ingest.placement import PlacedRecord, everywhere, place
from causeline.ingest.ports import Position
from causeline.schemas import telemetry
from causeline.schemas.client_calls import await_call
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import INGEST
from causeline.schemas.web.errors import Overloaded, Unavailable

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
        self._lanes = [AppendLane(partition) for partition in range(partitions)]
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._waiting: deque[Append] = deque()
        self._timer: asyncio.TimerHandle | None = None
        telemetry.APPEND_BYTES_IN_FLIGHT.set_function(lambda: self._in_flight)
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
        return await self._queue(place(records, len(self._lanes))) if records else []

    async def broadcast(self, record: IngestRecord) -> list[Position]:
        """Append one record to every partition; see EventLog.broadcast."""
        return await self._queue(everywhere(record, len(self._lanes)))

    def _queue(self, records: list[PlacedRecord]) -> "asyncio.Future[list[Position]]":
        """Hand records to the lanes; return what their positions come in. Who no longer waits for it cancels it."""
        loop = self._admit(sum([record.size for record in records]))
        append = Append(len(records), loop.create_future(), loop.time())
        for partition, part in parts_of(append, records).items():
            self._lanes[partition].put(part)
        self._waiting.append(append)
        if self._timer is None:
            self._timer = loop.call_at(append.began + ACK_S, self._expire)
        append.future.add_done_callback(lambda _: self._finish(append))
        return append.future

    def _finish(self, append: Append) -> None:
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
        telemetry.APPEND_SECONDS.observe(append.future.get_loop().time() - append.began)

    def _admit(self, size: int) -> asyncio.AbstractEventLoop:
        """Count the bytes and return the loop of the log, which its owner knows without a system call. Raises Unavailable or Overloaded."""
        if self._owner is None or self._owner.done() or self._closing:
            raise Unavailable("the ingest log is not open")
        if self._in_flight and self._in_flight + size > self._max_in_flight:
            raise Overloaded("too many bytes wait for the broker")
        self._count(size)
        return self._owner.get_loop()

    def _count(self, size: int) -> None:
        self._in_flight += size
        if self._in_flight:
            self._idle.clear()
        else:
            self._idle.set()

    def _expire(self) -> None:
        """Answer those that waited too long. One timer serves all appends, which wait in the order of their deadlines."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._waiting:
            append = self._waiting[0]
            deadline = append.began + ACK_S
            if not append.future.done() and deadline > loop.time():
                self._timer = loop.call_at(deadline, self._expire)
                break
            self._waiting.popleft()
            append.fail(f"the broker did not acknowledge within {ACK_S:.0f} s")
        self._count(-sum(lane.drop_answered() for lane in self._lanes))

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._source = ProducerSource(self._bootstrap, self._topic, len(self._lanes), self._compression, group.create_task)
            for lane in self._lanes:
                group.create_task(self._flush(lane, self._source))

    async def _flush(self, lane: AppendLane, source: ProducerSource) -> None:
        while True:
            await lane.has_parts.wait()
            producer = await source.get()
            self._count(-lane.drop_answered())
            batch = producer.create_batch()
            parts = lane.collect(batch)
            if not lane.queue:
                lane.has_parts.clear()
            if parts:
                await self._commit(lane, source, producer, batch, parts)

    async def _commit(
        self,
        lane: AppendLane,
        source: ProducerSource,
        producer: AIOKafkaProducer,
        batch: BatchBuilder,
        parts: list[AppendPart],
    ) -> None:
        lane.sent_at = asyncio.get_running_loop().time()
        failure = "the ingest log was closed"
        try:
            base = await await_call(self._send(lane, producer, batch))
        except Exception as error:  # noqa: BLE001 - whatever the library raises, this producer's sequence is no longer known
            failure = f"the broker did not take the events: {error!r}"
            source.discard(producer, repr(error))
        else:
            failure = ""
            for part in parts:
                part.append.note_positions(part.slots, lane.partition, base)
                base += len(part.slots)
            self._wear(source, producer, sum(len(part.slots) for part in parts))
        finally:
            lane.sent_at = None
            if failure:
                for part in parts:
                    part.append.fail(failure)
            self._count(-sum(part.size for part in parts))

    async def _send(self, lane: AppendLane, producer: AIOKafkaProducer, batch: BatchBuilder) -> int:
        async with asyncio.timeout(_STUCK_S):
            acknowledgement = await producer.send_batch(batch, self._topic, partition=lane.partition)
            base = int((await acknowledgement).offset)
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
        if self._timer is not None:
            self._timer.cancel()
        for lane in self._lanes:
            for part in lane.queue:
                part.append.fail("the ingest log was closed")
        if self._source is not None:
            await self._source.close()


def _report(owner: "asyncio.Task[None]") -> None:
    if not owner.cancelled() and (error := owner.exception()) is not None:
        _log.error("the ingest log ended", exc_info=error)
