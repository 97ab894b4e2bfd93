"""One idempotent Kafka producer at a time, made in the background and thrown away when it can no longer be trusted.

Why throw away: in the client library (aiokafka 0.14) an idempotent send never expires, a rejected batch leaves a hole in the sequence
numbers that makes every later send fail, the sequence wraps wrongly after 2^31 records a partition, and `stop()` waits for ever on a
broker that is gone. A new producer has a new id and starts at sequence 0, which cures all four; what the old one had in flight stays
unknown, as the port says.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from causeline.schemas.client_calls import await_call
from causeline.schemas.kafka_address import bare_address, client_options

_log = structlog.get_logger(__name__)

_START_S: Final = 5.0
_FIRST_RETRY_S: Final = 0.1
_LAST_RETRY_S: Final = 1.0
_CLOSE_S: Final = 2.0
_FLUSH_S: Final = 10.0
_REQUEST_TIMEOUT_MS: Final = 5_000
MAX_BATCH_BYTES: Final = 1 << 20
MAX_REQUEST_BYTES: Final = 9 << 20
"""A record may take nearly 8 MiB, and then makes a batch of its own."""


class Spawn(Protocol):
    """Starts a task that its owner waits for (`TaskGroup.create_task`)."""

    def __call__(self, coroutine: Coroutine[Any, Any, None], /) -> "asyncio.Task[None]":
        """Start the task."""
        ...


class ProducerSource:
    """Holds the current producer; `discard` replaces it. All its tasks belong to the group that `spawn` starts them in."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, compression: str | None, spawn: Spawn) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._partitions = partitions
        self._compression = compression
        self._spawn = spawn
        self._current: AIOKafkaProducer | None = None
        self._available: Final = asyncio.Event()
        spawn(self._connect())

    @property
    def available(self) -> bool:
        """Return whether there is a producer now."""
        return self._current is not None

    async def get(self) -> AIOKafkaProducer:
        """Return the current producer, waiting until there is one."""
        while self._current is None:
            await self._available.wait()
        return self._current

    def discard(self, producer: AIOKafkaProducer, reason: str) -> None:
        """Replace a broken producer, unless that is under way. Batches it still holds fail."""
        if self._current is producer:
            _log.warning("kafka producer replaced", reason=reason)
            self._replace(abandon(producer))

    def retire(self, producer: AIOKafkaProducer, reason: str) -> None:
        """Replace a producer that still works, unless that is under way. Batches it still holds are sent to the end."""
        if self._current is producer:
            _log.info("kafka producer replaced", reason=reason)
            self._replace(_flush_and_abandon(producer))

    def _replace(self, farewell: Coroutine[Any, Any, None]) -> None:
        self._current = None
        self._available.clear()
        self._spawn(farewell)
        self._spawn(self._connect())

    async def close(self) -> None:
        """Close the current producer; bounded in time."""
        producer, self._current = self._current, None
        if producer is not None:
            await abandon(producer)

    async def _connect(self) -> None:
        wait = _FIRST_RETRY_S
        while True:
            producer = self._make()
            try:
                async with asyncio.timeout(_START_S):
                    await await_call(self._start(producer))
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("kafka not reached", bootstrap=bare_address(self._bootstrap), error=repr(error))
                await abandon(producer)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LAST_RETRY_S)
            except BaseException:
                await abandon(producer)
                raise
            else:
                self._current = producer
                self._available.set()
                return

    async def _start(self, producer: AIOKafkaProducer) -> None:
        await producer.start()
        count = len(await producer.partitions_for(self._topic))
        if count != self._partitions:
            raise KafkaError(f"the topic {self._topic} has {count} partitions, {self._partitions} are configured")

    def _make(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **client_options(self._bootstrap),
            acks="all",
            enable_idempotence=True,
            compression_type=self._compression,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=30_000,
        )


async def _flush_and_abandon(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_FLUSH_S):
            await await_call(producer.flush())
    await abandon(producer)


async def abandon(producer: AIOKafkaProducer) -> None:
    """Close a producer in bounded time, whatever state it is in, and fail what it still holds.

    The library offers only `stop()`, which flushes first; its parts are ended one by one here, the sender before the connections so that
    it does not open new ones.
    """
    producer._closed = True  # noqa: SLF001
    sender: asyncio.Task[None] | None = producer._sender.sender_task  # noqa: SLF001
    if sender is not None:
        sender.cancel()
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await await_call(producer.client.close())
    if sender is not None:
        await asyncio.wait([sender], timeout=_CLOSE_S / 2)
        if not sender.done():
            sender.cancel()  # it waits for a request; this time the request is cancelled
            await asyncio.wait([sender], timeout=_CLOSE_S / 2)
    producer._message_accumulator.fail_all(KafkaError("the producer was abandoned"))  # noqa: SLF001
