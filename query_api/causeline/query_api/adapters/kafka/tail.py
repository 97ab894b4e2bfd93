"""The public topics followed on Kafka: `assign`, no group, no commits, committed records only."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from causeline.query_api.live.positions import WITH_CAUSES, Batch, LogRecord, Partition, Positions, Topics, partitions
from causeline.schemas.client_calls import await_call, close_within
from causeline.schemas.kafka_address import client_options
from causeline.schemas.web.errors import Unavailable

_Answer = TypeVar("_Answer")

_POLL_MS: Final = 250
_MAX_RECORDS: Final = 500
_FETCH_BYTES: Final = 1 << 20
"""Per partition: of two topics with four partitions 8 MiB wait at most, 12 with causes, unless a record is larger, which is given too."""
_ANSWER_S: Final = 5.0
_REQUEST_TIMEOUT_MS: Final = 4_000
_CLOSE_S: Final = 2.0


class KafkaLogTail:
    """See LogTail. `names` are those of the topics where they are others, as in tests."""

    def __init__(self, bootstrap: str, count: int, *, names: Mapping[str, str] | None = None) -> None:
        self._bootstrap = bootstrap
        self._count = count
        self._names = names or {topic: topic for topic in WITH_CAUSES}

    @property
    def partitions(self) -> int:
        """See LogTail."""
        return self._count

    async def open(self, topics: Topics) -> "KafkaReading":
        """See LogTail."""
        consumer = AIOKafkaConsumer(
            **client_options(self._bootstrap),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_POLL_MS,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        names = {KafkaPartition(self._names[p.topic], p.number): p for p in partitions(self._count, topics)}
        reading = KafkaReading(consumer, names)
        try:
            await _ask(consumer.start())
        except BaseException:
            await reading.close()
            raise
        consumer.assign(list(names))
        return reading


class KafkaReading:
    """See LogReading."""

    def __init__(self, consumer: AIOKafkaConsumer, names: dict[KafkaPartition, Partition]) -> None:
        self._consumer = consumer
        self._names = names

    async def begins(self) -> dict[Partition, int]:
        """See LogReading."""
        return self._translate(await _ask(self._consumer.beginning_offsets(list(self._names))))

    async def ends(self) -> dict[Partition, int]:
        """See LogReading."""
        return self._translate(await _ask(self._consumer.end_offsets(list(self._names))))

    async def since(self, ms: int) -> dict[Partition, int]:
        """See LogReading."""
        ends = await self.ends()
        offsets = await _ask(self._consumer.offsets_for_times(dict.fromkeys(self._names, ms)))
        # A record of an open transaction is found too: the end is where those are waited for.
        return {
            self._names[tp]: ends[self._names[tp]] if at is None else min(at.offset, ends[self._names[tp]]) for tp, at in offsets.items()
        }

    def seek(self, positions: Positions) -> None:
        """See LogReading."""
        for tp, partition in self._names.items():
            self._consumer.seek(tp, positions[partition])

    async def poll(self) -> Batch:
        """See LogReading."""
        batches = await _ask(self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_MAX_RECORDS))
        # Every partition was placed by `seek`, so no position has to be waited for, and it is that of the records just taken.
        positions = {partition: await self._consumer.position(tp) for tp, partition in self._names.items()}
        records = [
            LogRecord(self._names[tp], record.offset, record.timestamp, record.value)
            for tp, batch in batches.items()
            for record in batch
            if record.value is not None
        ]
        return Batch(records, positions)

    async def close(self) -> None:
        """See LogReading."""
        await close_within(_CLOSE_S, self._consumer.stop())

    def _translate(self, offsets: dict[KafkaPartition, int]) -> dict[Partition, int]:
        return {partition: offsets[tp] for tp, partition in self._names.items()}


async def _ask(request: Awaitable[_Answer]) -> _Answer:
    """Return what the client found. Raises Unavailable where the broker does not answer in time, or the client fails inside itself."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await await_call(request)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"the log cannot be read now: {type(error).__name__}") from error
