"""The writer of one partition: Kafka transactions over aiokafka, in batches.

Records are packed into record batches here instead of being sent one by one, since a future per record costs more than all the rest. Those
of public topics get the headers of CloudEvents, whoever made them.
Rules that aiokafka 0.14 makes necessary, each seen to go wrong without it:

- every future is awaited before the commit: a rejected batch does not abort a transaction, the commit succeeds without it;
- nothing is repaired after an error: a producer is poisoned by one rejected batch, so a writer is spent;
- every wait is bounded here: sends of an idempotent producer never expire, and even its stop can hang;
- sequence numbers wrap to 0: aiokafka wraps them to -2^31, which the broker refuses for good (`wrap_sequence_numbers`).
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.producer.transaction_manager import TransactionManager

from causeline.processors.runtime.ports import BrokerError, Fenced, Output
from causeline.schemas.client_calls import ClientCancelled, await_call
from causeline.schemas.kafka_address import client_options
from causeline.schemas.wire.cloud_events import headers_of, is_described

_T = TypeVar("_T")

_BATCH_BYTES: Final = 512 << 10
"""Uncompressed bytes per record batch: some thousand events; a larger record travels in a batch of its own."""
_MAX_REQUEST: Final = 12 << 20
"""What the largest topic takes (`max_message_bytes`); the broker judges each topic by its own bound."""
_TRANSACTION_MS: Final = 10_000
"""After this time the broker aborts what a dead process left open, should nobody take the partition over."""
_BACKOFF_MS: Final = 20
"""A transaction often has to wait for the previous one's markers; a round without outputs would wait the default of 100 ms."""
_COMMIT_S: Final = 10.0
_START_S: Final = 30.0
_CLOSE_S: Final = 2.0


async def ask_broker(what: str, work: Awaitable[_T], seconds: float) -> _T:
    """Return the result of `work`. Raises Fenced or BrokerError, also where it takes longer than `seconds`.

    A cancellation that nobody asked this task for is the client's: it would hide the failure that led there (`client_calls`).
    """
    try:
        async with asyncio.timeout(seconds):
            return await await_call(work)
    except ClientCancelled as error:
        raise BrokerError(f"{what}: the client cancelled it") from error
    except TimeoutError as error:
        raise BrokerError(f"{what}: no answer in {seconds:g} s") from error
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise Fenced(f"{what}: a newer writer exists") from error
    except KafkaError as error:
        raise BrokerError(f"{what}: {error!r}") from error


def next_sequence(sequence: int, records: int) -> int:
    """Return the sequence number after `records` more: 31 bits, then 0 again (as DefaultRecordBatch.incrementSequence of Kafka)."""
    return (sequence + records) & 0x7FFF_FFFF


class _WrappingTransactionManager(TransactionManager):
    def increment_sequence_number(self, tp: TopicPartition, increment: int) -> None:
        self._sequence_numbers[tp] = next_sequence(self._sequence_numbers[tp], increment)


def wrap_sequence_numbers(producer: AIOKafkaProducer) -> None:
    """Make a producer survive 2^31 records on one partition (12 hours at 50,000/s).

    aiokafka (0.14, `TransactionManager.increment_sequence_number`) goes on at -2^31, and the broker then refuses every batch. The
    manager is shared by three objects inside the producer, so its class is exchanged rather than the object.
    """
    manager = producer._txn_manager  # noqa: SLF001 - there is no other way in
    if type(manager) is not TransactionManager:
        raise TypeError(f"aiokafka has changed: {type(manager)} counts the sequence numbers")
    manager.__class__ = _WrappingTransactionManager


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer, whatever state it is in, in bounded time. Never raises."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await await_call(producer.stop())
    except (TimeoutError, KafkaError, OSError):
        await producer.client.close()


class KafkaTransactions:
    """Transactions over one transactional producer (see the port for the obligations)."""

    def __init__(
        self, bootstrap: str, transactional_id: str, *, partition: int, input_topic: str, changelog_topic: str, group: str
    ) -> None:
        self._partition: Final = partition
        self._input: Final = TopicPartition(input_topic, partition)
        self._changelog: Final = changelog_topic
        self._group: Final = group
        self._producer: Final = AIOKafkaProducer(
            **client_options(bootstrap),
            transactional_id=transactional_id,
            transaction_timeout_ms=_TRANSACTION_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_MAX_REQUEST,
            compression_type="lz4",
            retry_backoff_ms=_BACKOFF_MS,
        )
        wrap_sequence_numbers(self._producer)

    async def start(self) -> None:
        """Register the transactional id: fences older writers and ends their transactions. Raises BrokerError."""
        try:
            await ask_broker("open a writer", self._producer.start(), _START_S)
        except BaseException:
            await self.close()
            raise

    async def commit(self, out: Sequence[Output], changes: Mapping[bytes, bytes | None], position: int) -> None:
        """See Transactions."""
        await ask_broker("transaction", self._commit(out, changes, position), _COMMIT_S)

    async def _commit(self, out: Sequence[Output], changes: Mapping[bytes, bytes | None], position: int) -> None:
        await self._producer.begin_transaction()
        own = self._partition
        logs: dict[tuple[str, int], list[tuple[bytes, bytes | None]]] = {}
        for topic, key, value, partition in out:
            place = topic, own if partition is None else partition
            records = logs.get(place)
            if records is None:
                logs[place] = records = []
            records.append((key, value))
        if changes:
            logs.setdefault((self._changelog, own), []).extend(changes.items())
        now_ms = int(time.time() * 1_000)
        # Gathered, so that the topics share their round trips with each other and with the offset's way to the coordinator.
        await asyncio.gather(
            *(self._send(topic, partition, records, now_ms) for (topic, partition), records in logs.items()),
            self._producer.send_offsets_to_transaction({self._input: position}, self._group),
        )
        await self._producer.commit_transaction()

    async def _send(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]], now_ms: int) -> None:
        futures = []
        batch = self._producer.create_batch()
        has_headers = is_described(topic)
        for key, value in records:
            headers = headers_of(topic, value) if has_headers else []
            if batch.append(key=key, value=value, timestamp=now_ms, headers=headers) is None:
                futures.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=now_ms, headers=headers)
        futures.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*futures)

    async def close(self) -> None:
        """See Transactions."""
        await stop_producer(self._producer)
