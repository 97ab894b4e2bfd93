"""The configuration on the compacted topic `causeline.config`: every server reads all of it at its start and follows it.

A write is acknowledged by the broker (acks=all), then waited for in this process's own reading: so there is one fold, in log order, and
who wrote sees what it wrote. While the broker is away, what was read last holds: tokens go on working, writes are Unavailable.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from causeline.ingest.adapters.kafka.follower import REQUEST_TIMEOUT_MS, CompactedTopic, KeyedRecord, stop_client
from causeline.schemas.client_calls import await_call
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.config import ConfigRecord, ConfigView, Value, config_record
from causeline.schemas.topics import CONFIG
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire.codec import decode_record
from causeline.schemas.wire.config_records import encode_config_record

PUT_S: Final = 5.0


class KafkaConfigLog:
    """The ConfigLog on a topic; `clock` tells ms UTC. `start` begins to follow it, whether or not the broker is there."""

    def __init__(self, bootstrap: str, partitions: int, clock: Callable[[], int], *, topic: str = CONFIG) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._clock = clock
        self._view: Final = ConfigView()
        self._follower: Final = CompactedTopic(bootstrap, topic, partitions, self._apply)
        self._writing: Final = asyncio.Lock()

    @property
    def view(self) -> ConfigView:
        """What holds now, as far as it was read."""
        return self._view

    async def start(self) -> None:
        """Begin to follow the topic."""
        await self._follower.start()

    async def caught_up(self) -> None:
        """Return once what was on the topic when it was first reached is in `view`."""
        await self._follower.caught_up()

    @property
    def ready(self) -> bool:
        """Return whether the topic was read to the end it had at the start."""
        return self._follower.ready

    async def put(self, kind: str, key: str, value: Value | None) -> None:
        """Set or take away a value; see ConfigLog.put."""
        await self.put_all(kind, {key: value})

    async def put_all(self, kind: str, values: Mapping[str, Value | None]) -> None:
        """Set or take away several values; see ConfigLog.put_all."""
        records = [encode_config_record(config_record(kind, key, value, self._clock())) for key, value in values.items()]
        try:
            async with asyncio.timeout(PUT_S):
                for partition, offset in (await await_call(self._send(records))).items():
                    await self._follower.wait_for(partition, offset)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(f"the configuration could not be written within {PUT_S:.0f} s") from error

    async def _send(self, records: Sequence[tuple[bytes, bytes]]) -> dict[int, int]:
        """Send by a producer of its own; return the last offset of each partition.

        Writes are rare, and one that failed leaves nothing behind that a later one could trip over.
        """
        last_offsets: dict[int, int] = {}
        async with self._writing:
            producer = AIOKafkaProducer(
                **client_options(self._bootstrap),
                acks="all",
                enable_idempotence=True,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
            )
            try:
                await producer.start()
                for meta in await asyncio.gather(*[await producer.send(self._topic, value, key=key) for key, value in records]):
                    last_offsets[meta.partition] = max(meta.offset, last_offsets.get(meta.partition, -1))
            finally:
                await stop_client(producer)
        return last_offsets

    def _apply(self, record: KeyedRecord) -> None:
        self._view.apply(decode_record(record.value or b"", ConfigRecord))

    async def stop(self) -> None:
        """Stop following."""
        await self._follower.stop()
