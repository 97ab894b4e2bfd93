"""The configuration on the compacted topic `causeline.config`: every server reads all of it at its start and follows it.

A write is acknowledged by the broker (acks=all), then waited for in this process's own reading: so there is one fold, in log order, and
who wrote sees what it wrote. While the broker is away, what was read last holds: tokens go on working, writes are Unavailable.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from causeline.ingest.config_records import placed
from causeline.schemas.codec import CodecError, decode
from causeline.schemas.config import ConfigRecord, ConfigView, Value, record_of
from causeline.schemas.errors import Unavailable
from causeline.schemas.topics import CONFIG

_log = structlog.get_logger(__name__)

PUT_S: Final = 5.0
_POLL_MS: Final = 500
_FETCH_WAIT_MS: Final = 50
_RETRY_S: Final = 0.5
_CLOSE_S: Final = 2.0
_REQUEST_TIMEOUT_MS: Final = 5_000


class Client(Protocol):
    """What this module closes of the library's clients."""

    async def stop(self) -> None:
        """Close it."""
        ...


class KafkaConfigLog:
    """The ConfigLog on a topic; `clock` tells ms UTC. `start` begins to follow it, whether or not the broker is there."""

    def __init__(self, bootstrap: str, partitions: int, clock: Callable[[], int], *, topic: str = CONFIG) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._clock = clock
        self._view: Final = ConfigView()
        self._positions: dict[TopicPartition, int] = {TopicPartition(topic, p): 0 for p in range(partitions)}
        self._ends: dict[TopicPartition, int] | None = None
        self._caught_up: Final = asyncio.Event()
        self._moved: Final = asyncio.Condition()
        self._writing: Final = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    @property
    def view(self) -> ConfigView:
        """What holds now, as far as it was read."""
        return self._view

    async def start(self) -> None:
        """Begin to follow the topic."""
        self._following = asyncio.create_task(self._follow(), name="config log")

    async def caught_up(self) -> None:
        """Return once what was on the topic when it was first reached is in `view`."""
        await self._caught_up.wait()

    @property
    def ready(self) -> bool:
        """Return whether the topic was read to the end it had at the start."""
        return self._caught_up.is_set()

    async def put(self, kind: str, key: str, value: Value | None) -> None:
        """Set or take away a value; see ConfigLog.put."""
        log_key, record = placed(record_of(kind, key, value, self._clock()))
        try:
            async with asyncio.timeout(PUT_S):
                partition, offset = await self._sent(log_key, record)
                await self._reached(TopicPartition(self._topic, partition), offset)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(f"the configuration could not be written within {PUT_S:.0f} s") from error

    async def _sent(self, key: bytes, value: bytes) -> tuple[int, int]:
        """Send by a producer of its own: writes are rare, and one that failed leaves nothing behind that a later one could trip over."""
        async with self._writing:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
            )
            try:
                await producer.start()
                meta = await producer.send_and_wait(self._topic, value, key=key)
            finally:
                await _closed(producer)
            return int(meta.partition), int(meta.offset)

    async def _reached(self, tp: TopicPartition, offset: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._positions.get(tp, 0) > offset)

    async def _follow(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("the configuration cannot be read, what was read last holds", error=repr(error))
            await asyncio.sleep(_RETRY_S)

    async def _read(self) -> None:
        """Follow from where reading stopped, until the client fails."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        try:
            await consumer.start()
            consumer.assign(list(self._positions))
            for tp, position in self._positions.items():
                consumer.seek(tp, position)
            if self._ends is None:
                self._ends = dict(await consumer.end_offsets(list(self._positions)))
            while True:
                fetched = await consumer.getmany(timeout_ms=_POLL_MS)
                for tp, records in fetched.items():
                    for record in records:
                        self._apply(tp, record.offset, record.value or b"")
                # Positions, not only records: compaction leaves gaps, and an end can lie behind one.
                await self._advance({tp: await consumer.position(tp) for tp in self._positions})
        finally:
            await _closed(consumer)

    def _apply(self, tp: TopicPartition, offset: int, value: bytes) -> None:
        try:
            self._view.apply(decode(value, ConfigRecord))
        except (CodecError, ValueError) as error:
            _log.error("a record of the configuration cannot be read", partition=tp.partition, offset=offset, error=type(error).__name__)

    async def _advance(self, positions: dict[TopicPartition, int]) -> None:
        async with self._moved:
            self._positions.update(positions)
            self._moved.notify_all()
        if self._ends is not None and all(positions[tp] >= end for tp, end in self._ends.items()):
            self._caught_up.set()

    async def stop(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])


async def _closed(client: Client) -> None:
    """Close a client in bounded time: what cannot be closed in time is gone already."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await client.stop()
