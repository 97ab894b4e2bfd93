"""`causeline.dead-letters` on Kafka: read it, and append what it holds to `causeline.ingest` again.

A retry is one Kafka transaction of the records and of the marks that say so (`causeline.config`, which is compacted and outlives the
letters): there is no moment in which a record went again and could go once more. One transactional id for all: a retry that begins
fences the one before it, and reads the marks only then.

While such a transaction is open, the processors wait at its first record. So it is small, everything in it was read before it begins, and
the broker aborts it soon after its writer died.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from causeline.processors.adapters.kafka.transactions import ask_broker, stop_producer
from causeline.processors.dead_letters.letters import LetterFilter, LetterPosition, LetterRecord, mark
from causeline.processors.runtime.ports import BrokerError
from causeline.schemas.kafka_address import bare_address, client_options
from causeline.schemas.records.config import RETRIED, ConfigRecord
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import CONFIG, DEAD_LETTERS, INGEST
from causeline.schemas.wire import codec
from causeline.schemas.wire.config_records import encode_config_record

TRANSACTIONAL_ID: Final = "causeline-dlq-retry"

_TRANSACTION_MS: Final = 5_000
"""The broker looks every 10 s for transactions that are older: a killed retry stops its partitions for 15 s at most."""
_MAX_REQUEST: Final = 12 << 20
_FETCH_BYTES: Final = 4 << 20
_ANSWER_S: Final = 10.0
_COMMIT_S: Final = 10.0
_SILENCE_S: Final = 30.0
_WINDOW_GROWTH: Final = 4

Advance = Callable[[int], None]
"""Is told how many offsets have been passed since it was told last."""


class BrokerUnreachable(BrokerError):
    """No broker answers at the address that the message names."""


class PartitionSpan(NamedTuple):
    """Offsets of one partition, `end` exclusive."""

    partition: int
    begin: int
    end: int


class KafkaDeadLetterLog:
    """Reads the committed dead letters and the marks. Raises BrokerError where the broker does not answer in time."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: Sequence[int], config_partitions: Sequence[int]) -> None:
        self._consumer = consumer
        self._partitions = [TopicPartition(DEAD_LETTERS, number) for number in partitions]
        self._config = [TopicPartition(CONFIG, number) for number in config_partitions]

    async def spans(self, since: int = 0) -> list[PartitionSpan]:
        """Return what lies on the partitions now, written at `since` (ms UTC) or later; open transactions are left out."""
        begins = await ask_broker("ask where the dead letters begin", self._consumer.beginning_offsets(self._partitions), _ANSWER_S)
        ends = await ask_broker("ask where they end", self._consumer.end_offsets(self._partitions), _ANSWER_S)
        if since > 0:
            request = self._consumer.offsets_for_times(dict.fromkeys(self._partitions, since))
            for tp, first in (await ask_broker("ask for the time", request, _ANSWER_S)).items():
                begins[tp] = ends[tp] if first is None else max(begins[tp], first.offset)
        return [PartitionSpan(tp.partition, begins[tp], ends[tp]) for tp in self._partitions if begins[tp] < ends[tp]]

    async def read(self, span: PartitionSpan, advance: Advance = lambda _: None) -> AsyncIterator[LetterRecord]:
        """Yield the entries of a span in the order of the log."""
        async for record in self._records(TopicPartition(DEAD_LETTERS, span.partition), span.begin, span.end, advance):
            yield _entry(record)

    async def newest(self, letter_filter: LetterFilter, limit: int, advance: Advance = lambda _: None) -> list[LetterRecord]:
        """Return the newest entries that are wanted, newest first, without the bytes that they carry.

        Every partition is read backwards, in windows that grow: the newest hundred of a million are found in the last of them.
        """
        entries: list[LetterRecord] = []
        for span in await self.spans(letter_filter.since):
            entries += await self._newest(span, letter_filter, limit, advance)
        return sorted(entries, key=lambda entry: (entry.written_at, entry.position), reverse=True)[:limit]

    async def _newest(self, span: PartitionSpan, letter_filter: LetterFilter, limit: int, advance: Advance) -> list[LetterRecord]:
        entries: list[LetterRecord] = []
        end, size = span.end, 2 * limit  # every second offset may be the marker of a transaction
        while end > span.begin and len(entries) < limit:
            window = PartitionSpan(span.partition, max(span.begin, end - size), end)
            entries = [_light(entry) async for entry in self.read(window, advance) if letter_filter.takes(entry)] + entries
            end, size = window.begin, size * _WINDOW_GROWTH
        return entries[-limit:]

    async def at(self, position: LetterPosition) -> LetterRecord | None:
        """Return the entry at a position, None where there is none."""
        for span in await self.spans():
            if span.partition == position.partition and span.begin <= position.offset < span.end:
                async for entry in self.read(PartitionSpan(position.partition, position.offset, position.offset + 1)):
                    if entry.position == position:
                        return entry
        return None

    async def marks(self) -> dict[str, int]:
        """Return when (ms UTC) which letters were retried, by `mark_key`. Marks of aborted transactions are no marks."""
        retries: dict[str, int] = {}
        ends = await ask_broker("ask for the end of the configuration", self._consumer.end_offsets(self._config), _ANSWER_S)
        begins = await ask_broker("ask for its start", self._consumer.beginning_offsets(self._config), _ANSWER_S)
        for tp in self._config:
            async for record in self._records(tp, begins[tp], ends[tp], lambda _: None):
                if (config := _config_record(record.value or b"")) is not None and config.kind == RETRIED:
                    retries[config.key] = config.at
        return retries

    async def _records(self, tp: TopicPartition, begin: int, end: int, advance: Advance) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
        if begin >= end:
            return
        self._consumer.assign([tp])
        self._consumer.seek(tp, begin)
        heard_at, position = asyncio.get_running_loop().time(), begin
        while position < end:
            records = (await ask_broker("read", self._consumer.getmany(tp, timeout_ms=500), _ANSWER_S)).get(tp, ())
            for record in records:
                if record.offset < end:
                    yield record
            # The position passes the markers of transactions, which are no records but take an offset.
            next_position = min(end, await ask_broker("ask for the position", self._consumer.position(tp), _ANSWER_S))
            now = asyncio.get_running_loop().time()
            if next_position > position:
                advance(next_position - position)
                heard_at, position = now, next_position
            elif now - heard_at > _SILENCE_S:
                raise BrokerError(f"the broker gave no record of {tp.topic} for {_SILENCE_S:g} s")


class KafkaRetry:
    """Appends letters again. Only the one that was opened last may write; the others' transactions fail as a whole."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def append(self, entries: Sequence[LetterRecord], now: int) -> None:
        """Append the records of the letters where they lay, with their keys and bytes, and mark the letters: all of it or nothing.

        Raises Fenced where another retry has begun, BrokerError where the broker refuses or does not answer in time; then nothing was
        appended, unless only the answer was lost: the marks tell.
        """
        await ask_broker("retry", self._append(entries, now), _COMMIT_S)

    async def _append(self, entries: Sequence[LetterRecord], now: int) -> None:
        await self._producer.begin_transaction()
        futures: list[asyncio.Future[Any]] = []
        try:
            for entry in entries:
                if entry.letter is not None:
                    letter = entry.letter
                    key, value = encode_config_record(mark(entry, letter, now))
                    futures.append(await self._producer.send(INGEST, letter.value, letter.key or None, partition=letter.partition))
                    futures.append(await self._producer.send(CONFIG, value, key))
        finally:
            # Every future before the commit: the client commits without a batch that was refused.
            await asyncio.gather(*futures)
        await self._producer.commit_transaction()


@asynccontextmanager
async def dead_letter_log(bootstrap: str) -> AsyncIterator[KafkaDeadLetterLog]:
    """Connect for the length of a block. Raises BrokerUnreachable, or BrokerError where the topics are not there or the broker is lost."""
    consumer = AIOKafkaConsumer(
        **client_options(bootstrap),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=50,
    )
    try:
        try:
            await ask_broker("connect", consumer.start(), _ANSWER_S)
        except (BrokerError, OSError):
            raise BrokerUnreachable(f"no broker answers at {bare_address(bootstrap)}") from None
        partitions = await ask_broker("ask for the topics", _partitions(bootstrap), _ANSWER_S)
        yield KafkaDeadLetterLog(consumer, partitions[DEAD_LETTERS], partitions[CONFIG])
    except KafkaError as error:
        raise BrokerError(str(error) or repr(error)) from error
    finally:
        await consumer.stop()


@asynccontextmanager
async def retrying(bootstrap: str) -> AsyncIterator[KafkaRetry]:
    """Open the one retry: every other one that is under way can write no more. Raises BrokerError."""
    producer = AIOKafkaProducer(
        **client_options(bootstrap),
        transactional_id=TRANSACTIONAL_ID,
        transaction_timeout_ms=_TRANSACTION_MS,
        max_request_size=_MAX_REQUEST,
        max_batch_size=1 << 20,
    )
    try:
        await ask_broker("open a retry", producer.start(), _ANSWER_S)
        yield KafkaRetry(producer)
    finally:
        await stop_producer(producer)


async def _partitions(bootstrap: str) -> dict[str, list[int]]:
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        topics = (DEAD_LETTERS, CONFIG, INGEST)
        there = set(await admin.list_topics())
        if missing := [topic for topic in topics if topic not in there]:
            raise BrokerError(f"{bare_address(bootstrap)} has no topic {', '.join(missing)}: no Causeline ever ran there")
        descriptions = await admin.describe_topics(list(topics))
        return {entry["topic"]: [partition["partition"] for partition in entry["partitions"]] for entry in descriptions}
    finally:
        await admin.close()


def _entry(record: ConsumerRecord[bytes, bytes]) -> LetterRecord:
    try:
        letter = codec.decode_record(record.value or b"", DeadLetter)
    except codec.CodecError:
        letter = None
    return LetterRecord(LetterPosition(record.partition, record.offset), record.timestamp, letter)


def _light(entry: LetterRecord) -> LetterRecord:
    """Leave the bytes of the record out: a letter may carry 8 MiB, and a list names hundreds."""
    return entry if entry.letter is None else entry._replace(letter=msgspec.structs.replace(entry.letter, value=b""))


def _config_record(value: bytes) -> ConfigRecord | None:
    try:
        return codec.decode_record(value, ConfigRecord)
    except codec.CodecError:
        return None
