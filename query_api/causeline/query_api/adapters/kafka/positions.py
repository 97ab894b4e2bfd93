"""How far the rows are behind the log, told by Kafka's own offsets.

A position of the ingest log is applied when the processors have committed past it and the sink has committed past the end that the
public topics had then. Both facts are group offsets, so any server can ask, whichever process runs the processors or the sink.
A keyed record may go on to another partition of the ingest log, in the transaction that its offset is committed in, and once more from
there. So who waits for all of the log waits for what was appended meanwhile too, `_HOPS` times; an event that is waited for by its
position is one that was changed, and changes do not go on.
On the ingest topic committed offsets end behind a record: a marker there (of what was passed on, of a retried dead letter) is passed with a
tick, which a partition that has caught up appends at once. On the public topics the sink commits positions past markers.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from causeline.query_api.reading.applied import AppliedLog, Ends
from causeline.schemas.client_calls import await_call, close_within
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import EVENTS, INGEST, PROBLEMS, PROCESSORS_GROUP, SINK_GROUP
from causeline.schemas.wire.partitioning import partition_of

_POLL_S: Final = 0.01
_HOPS: Final = 2
"""How often a record goes on at most (`causeline.processors.events.keys`): to the partition of its own key, then to that of its problem."""
_REQUEST_TIMEOUT_MS: Final = 4_000
_CLOSE_S: Final = 2
_LOOK_S: Final = 15
"""More than the requests of a look may take each: a look that is not over by then never ends."""

Offsets = dict[TopicPartition, int]


class Progress(NamedTuple):
    """One look at the log: ends of the topics and what the two groups have committed, by partition.

    The ends were read after what the processors had committed: what they wrote for that lies below the ends of the public topics.
    """

    ends: Offsets
    processed: Offsets
    sunk: Offsets

    def has_processed(self, ends: Offsets) -> bool:
        """Return whether the processors are past these ends of the ingest topic."""
        return all(self.processed.get(tp, 0) >= end for tp, end in ends.items())

    def has_sunk(self, ends: Offsets) -> bool:
        """Return whether the sink is past these ends of the public topics."""
        return all(self.sunk.get(tp, 0) >= end for tp, end in ends.items())


class KafkaFrontier:
    """The Frontier over Kafka. It connects at the first look; looks fail while the broker is away and connect again when it answers."""

    def __init__(
        self,
        bootstrap: str,
        partitions: int,
        wake_sink: Callable[[], None],
        *,
        timeout_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bootstrap = bootstrap
        self._partitions: Final = partitions
        self._wake_sink = wake_sink
        self._timeout_s = timeout_s
        self._clock: Final = clock
        self._ingest: Final = [TopicPartition(INGEST, p) for p in range(partitions)]
        self._public: Final = [TopicPartition(t, p) for t in (EVENTS, PROBLEMS) for p in range(partitions)]
        self._clients: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None
        self._lock: Final = asyncio.Lock()
        self._next: asyncio.Task[Progress] | None = None
        self._looking: Final[set[asyncio.Task[Progress]]] = set()
        self._applied_log: Final = AppliedLog()

    async def reach(self, partition: int | None = None, offset: int | None = None) -> bool:
        """Wait until a position of the ingest log (or all of it, as it is now) is applied; False after the time-out."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if partition is None or offset is None:
                    look = await self.look()
                    await self._reach({tp.partition: look.ends[tp] for tp in self._ingest}, look, hops=_HOPS)
                else:
                    await self._reach({partition: offset + 1}, await self.look(), hops=0)
        except (TimeoutError, KafkaError, OSError):
            return False
        return True

    async def missing(self, positions: Mapping[int, int], within_s: float, *, with_forwarded: bool = False) -> frozenset[int]:
        """See Frontier."""
        pending = {p: offset for p, offset in positions.items() if with_forwarded or self._applied_log.newest(p).offset <= offset}
        if not pending:
            return frozenset()
        self._wake_sink()
        arrivals = await asyncio.gather(
            *(self._reach_within(p, offset, within_s, with_forwarded=with_forwarded) for p, offset in pending.items())
        )
        return frozenset(p for p, is_there in zip(pending, arrivals, strict=True) if not is_there)

    def partition(self, event_id: str) -> int:
        """See Frontier."""
        return partition_of(event_id.encode(), self._partitions)

    def behind(self, partition: int) -> float:
        """See Frontier."""
        return self._clock() - self._applied_log.newest(partition).at

    async def _reach_within(self, partition: int, offset: int, within_s: float, *, with_forwarded: bool) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._reach({partition: offset + 1}, await self.look(), hops=_HOPS if with_forwarded else 0)
        except (TimeoutError, KafkaError, OSError):
            return False
        return True

    async def _reach(self, ingest_ends: Mapping[int, int], look: Progress, *, hops: int) -> None:
        """Return once these ends of the ingest partitions are applied, and so many times what went on from there.

        `look` is one of this wait, to begin with. What was passed on lies below the ends that the partitions have in the look that
        shows its cause as processed.
        """
        ends = dict(ingest_ends)
        look = await self._until_processed(ingest_ends, look)
        for _ in range(hops):
            growth = {tp.partition: look.ends[tp] for tp in self._ingest if look.ends[tp] > ends.get(tp.partition, 0)}
            if not growth:
                break
            ends |= growth
            look = await self._until_processed(growth, look)
        public = {tp: look.ends[tp] for tp in self._public if tp.partition in ends}
        self._wake_sink()
        await self._until(look, lambda progress: progress.has_sunk(public))

    async def _until_processed(self, ingest_ends: Mapping[int, int], look: Progress) -> Progress:
        ends = {TopicPartition(INGEST, p): end for p, end in ingest_ends.items()}
        return await self._until(look, lambda progress: progress.has_processed(ends))

    async def _until(self, look: Progress, is_there: Callable[[Progress], bool]) -> Progress:
        while not is_there(look):
            await asyncio.sleep(_POLL_S)
            look = await self.look()
        return look

    async def look(self) -> Progress:
        """Return a look that began after this call; calls that come together share one. Raises KafkaError or OSError."""
        if self._next is None:
            self._next = asyncio.create_task(self._look())
            # The loop holds tasks weakly, and whoever asked may have gone before the answer comes.
            self._looking.add(self._next)
            self._next.add_done_callback(self._end_look)
        return await asyncio.shield(self._next)

    def _end_look(self, task: asyncio.Task[Progress]) -> None:
        self._looking.discard(task)
        if not task.cancelled():
            task.exception()  # Seen by those who wait for it; where nobody does any more, nobody misses it.

    async def _look(self) -> Progress:
        async with self._lock:
            self._next = None  # who asks from now on gets a look of their own: this one has begun
            began = self._clock()
            progress = await self._ask()
            for partition in range(self._partitions):
                self._applied_log.observe(partition, _of(progress, partition), began)
            return progress

    async def _ask(self) -> Progress:
        """Return what the broker says. Whatever the client does with its calls, others wait for this one no longer than `_LOOK_S`."""
        asking = asyncio.ensure_future(await_call(self._ask_client()))
        try:
            await asyncio.wait((asking,), timeout=_LOOK_S)
        finally:
            is_late = asking.cancel()
        if is_late or asking.exception() is not None:
            await self.stop()
        if is_late:
            raise TimeoutError(f"the offsets did not come within {_LOOK_S} s")
        return asking.result()

    async def _ask_client(self) -> Progress:
        admin, consumer = await self._connect()
        processed = await admin.list_consumer_group_offsets(PROCESSORS_GROUP)
        ends, sunk = await asyncio.gather(
            consumer.end_offsets([*self._ingest, *self._public]),
            admin.list_consumer_group_offsets(SINK_GROUP),
        )
        return Progress(
            ends=dict(ends),
            processed={tp: meta.offset for tp, meta in processed.items()},
            sunk={tp: meta.offset for tp, meta in sunk.items()},
        )

    async def _connect(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._clients is None:
            admin = AIOKafkaAdminClient(**client_options(self._bootstrap), request_timeout_ms=_REQUEST_TIMEOUT_MS)
            # Ends that count uncommitted records: a transaction's offsets can be visible a moment before its marker is on the public
            # topic, and a read-committed end would then leave out the very records that are waited for.
            consumer = AIOKafkaConsumer(
                **client_options(self._bootstrap),
                isolation_level="read_uncommitted",
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
            )
            self._clients = (admin, consumer)
            await admin.start()
            await consumer.start()
        return self._clients

    async def stop(self) -> None:
        """Close the connections; a later look opens them again."""
        clients, self._clients = self._clients, None
        if clients is None:
            return
        admin, consumer = clients
        await close_within(_CLOSE_S, admin.close(), consumer.stop())


def _of(progress: Progress, partition: int) -> Ends:
    ingest = TopicPartition(INGEST, partition)
    public = {topic: TopicPartition(topic, partition) for topic in (EVENTS, PROBLEMS)}
    return Ends(
        ingest=progress.ends[ingest],
        processed=progress.processed.get(ingest, 0),
        public={topic: progress.ends[tp] for topic, tp in public.items()},
        sunk={topic: progress.sunk.get(tp, 0) for topic, tp in public.items()},
    )
