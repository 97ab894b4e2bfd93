"""The writer of `causeline.config`: what several requests write at once goes in batches by one producer, a turn for each tenant.

Writes are rare, so a producer lives as long as they follow each other, and a second longer. One that failed is thrown away, with what it
had under way: it leaves nothing behind that a later one could trip over.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from causeline.ingest.adapters.kafka.config_turns import BATCH_BYTES, ConfigTurns, KeyedValue, Piece, pieces
from causeline.ingest.adapters.kafka.follower import REQUEST_TIMEOUT_MS, stop_client
from causeline.schemas.client_calls import await_call
from causeline.schemas.kafka_address import client_options

_LINGER_S: Final = 1.0
_FAILURES: Final = (KafkaError, OSError, TimeoutError)


class ConfigWriter:
    """Writes to one topic. A batch that the broker does not acknowledge within `batch_s` has failed."""

    def __init__(self, bootstrap: str, topic: str, batch_s: float) -> None:
        self._bootstrap, self._topic, self._batch_s = bootstrap, topic, batch_s
        self._turns: Final = ConfigTurns()
        self._waiting: Final = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def put(self, tenant: str, records: Sequence[KeyedValue]) -> list[Piece]:
        """Let records be written, in pieces: each says by itself when the broker has it. Who waits no more cancels its `offsets`."""
        waiting = list(pieces(records))
        for piece in waiting:
            self._turns.add(tenant, piece)
            self._waiting.set()
        if waiting and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write(), name=f"writes {self._topic}")
        return waiting

    async def stop(self) -> None:
        """Write nothing more."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        """Write until nothing has come for a while."""
        while batch := self._turns.next_batch():
            producer = AIOKafkaProducer(
                **client_options(self._bootstrap),
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                max_batch_size=BATCH_BYTES,
            )
            try:
                async with asyncio.timeout(self._batch_s):
                    await await_call(producer.start())
                while batch and await self._send(producer, batch):
                    batch = await self._following()
            except _FAILURES as error:
                _fail(batch, error)
            finally:
                await stop_client(producer)

    async def _following(self) -> list[Piece]:
        """Return the next batch, empty where nothing comes in time."""
        if batch := self._turns.next_batch():
            return batch
        self._waiting.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._waiting.wait()
        return self._turns.next_batch()

    async def _send(self, producer: AIOKafkaProducer, batch: Sequence[Piece]) -> bool:
        """Send a batch and tell its pieces; return whether the producer may send another one."""
        try:
            async with asyncio.timeout(self._batch_s):
                acknowledgements = [
                    [await await_call(producer.send(self._topic, value, key, partition)) for key, value, partition in piece.records]
                    for piece in batch
                ]
                await await_call(asyncio.wait([record for records in acknowledgements for record in records]))
        except _FAILURES as error:
            _fail(batch, error)
            return False
        is_whole = True
        for piece, records in zip(batch, acknowledgements, strict=True):
            last_offsets: dict[int, int] = {}
            try:
                for record in records:
                    meta = record.result()
                    last_offsets[meta.partition] = max(meta.offset, last_offsets.get(meta.partition, -1))
            except (*_FAILURES, asyncio.CancelledError) as error:
                is_whole = False
                _fail([piece], error)
            else:
                if not piece.offsets.done():
                    piece.offsets.set_result(last_offsets)
        return is_whole


def _fail(batch: Sequence[Piece], error: BaseException) -> None:
    for piece in batch:
        if not piece.offsets.done():
            piece.offsets.set_exception(OSError(repr(error)))
