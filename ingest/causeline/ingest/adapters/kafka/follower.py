"""A compacted topic, read from its beginning and followed: what every server keeps of it in memory is a fold of its records.

While the broker is away, what was read last holds; reading goes on where it stopped.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from causeline.ingest.slices import Slices
from causeline.schemas.client_calls import await_call
from causeline.schemas.kafka_address import client_options
from causeline.schemas.telemetry import UNREADABLE_RECORDS

_log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_MS: Final = 5_000
_POLL_MS: Final = 500
_FETCH_WAIT_MS: Final = 50
_RETRY_S: Final = 0.5
_CLOSE_S: Final = 2.0


class Client(Protocol):
    """What is closed of the library's clients."""

    async def stop(self) -> None:
        """Close it."""
        ...


class KeyedRecord(NamedTuple):
    """One record: where it lies, its key, and its value (None: a tombstone)."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


class CompactedTopic:
    """Hands every record of a topic to `apply`, in the order of each partition; of transactions only those that were committed.

    `apply` raises on a record that it cannot read; its value is not logged, since it may hold secrets.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int, apply: Callable[[KeyedRecord], None]) -> None:
        self._bootstrap, self._topic, self._apply = bootstrap, topic, apply
        self._positions: dict[TopicPartition, int] = {TopicPartition(topic, p): 0 for p in range(partitions)}
        self._ends: dict[TopicPartition, int] | None = None
        self._caught_up: Final = asyncio.Event()
        self._progress: Final = asyncio.Condition()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow, whether or not the broker is there."""
        self._following = asyncio.create_task(self._follow(), name=f"follows {self._topic}")

    async def caught_up(self) -> None:
        """Return once what was on the topic when it was first reached has been applied."""
        await self._caught_up.wait()

    @property
    def ready(self) -> bool:
        """Return whether the topic was read to the end it had at the start."""
        return self._caught_up.is_set()

    async def wait_for(self, partition: int, offset: int) -> None:
        """Return once the record at this offset has been applied."""
        tp = TopicPartition(self._topic, partition)
        async with self._progress:
            await self._progress.wait_for(lambda: self._positions.get(tp, 0) > offset)

    async def _follow(self) -> None:
        while True:
            try:
                await await_call(self._read())
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("a topic cannot be read, what was read last holds", topic=self._topic, error=repr(error))
            await asyncio.sleep(_RETRY_S)

    async def _read(self) -> None:
        """Follow from where reading stopped, until the client fails."""
        consumer = AIOKafkaConsumer(
            **client_options(self._bootstrap),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await consumer.start()
            consumer.assign(list(self._positions))
            for tp, position in self._positions.items():
                consumer.seek(tp, position)
            if self._ends is None:
                self._ends = dict(await consumer.end_offsets(list(self._positions)))
            slices = Slices()
            while True:
                batches = await consumer.getmany(timeout_ms=_POLL_MS)
                for tp, records in batches.items():
                    for record in records:
                        self._take(KeyedRecord(tp.partition, record.offset, record.key or b"", record.value))
                        await slices.add(len(record.value or b""))
                # Positions, not only records: compaction leaves gaps, and an end can lie behind one.
                await self._advance({tp: await consumer.position(tp) for tp in self._positions})
        finally:
            await stop_client(consumer)

    def _take(self, record: KeyedRecord) -> None:
        """Apply a record. One that cannot be read is stepped over: what the others say holds all the same."""
        try:
            self._apply(record)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign or damaged record makes of a decoder, or of who listens
            UNREADABLE_RECORDS.labels(self._topic).inc()
            _log.error(
                "record_unreadable",
                topic=self._topic,
                partition=record.partition,
                offset=record.offset,
                key=repr(record.key[:100]),
                error=type(error).__name__,
            )

    async def _advance(self, positions: dict[TopicPartition, int]) -> None:
        async with self._progress:
            self._positions.update(positions)
            self._progress.notify_all()
        if self._ends is not None and all(positions[tp] >= end for tp, end in self._ends.items()):
            self._caught_up.set()

    async def stop(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])


async def stop_client(client: Client) -> None:
    """Close a client in bounded time: what cannot be closed in time is gone already."""
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await await_call(client.stop())
