"""The configuration on the compacted topic `causeline.config`: every server reads all of it at its start and follows it.

A write is acknowledged by the broker (acks=all), then waited for in this process's own reading: so there is one fold, in log order, and
who wrote sees what it wrote. While the broker is away, what was read last holds: tokens go on working, writes are Unavailable.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from causeline.ingest.adapters.kafka.config_turns import KeyedValue
from causeline.ingest.adapters.kafka.config_writer import ConfigWriter
from causeline.ingest.adapters.kafka.follower import CompactedTopic, KeyedRecord
from causeline.ingest.slices import Slices
from causeline.schemas.records.config import ConfigRecord, ConfigView, Value, config_record
from causeline.schemas.topics import CONFIG
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire.codec import decode_record
from causeline.schemas.wire.config_records import encode_config_record
from causeline.schemas.wire.partitioning import partition_of

PUT_S: Final = 5.0


class KafkaConfigLog:
    """The ConfigLog on a topic; `clock` tells ms UTC. `start` begins to follow it, whether or not the broker is there."""

    def __init__(self, bootstrap: str, partitions: int, clock: Callable[[], int], *, topic: str = CONFIG) -> None:
        self._partitions: Final = partitions
        self._clock = clock
        self._view: Final = ConfigView()
        self._follower: Final = CompactedTopic(bootstrap, topic, partitions, self._apply)
        self._writer: Final = ConfigWriter(bootstrap, topic, PUT_S)

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
        """Set or take away several values; see ConfigLog.put_all. Many go in batches, between which others write theirs."""
        last_offsets: dict[int, int] = {}
        waiting = self._writer.put(_whose(values), await self._encode(kind, values))
        try:
            for piece in waiting:
                async with asyncio.timeout(PUT_S):
                    last_offsets |= await piece.offsets  # rising: a tenant's pieces are written in their order
                    if piece is waiting[-1]:
                        await self._read_to(last_offsets)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"the configuration could not be written within {PUT_S:.0f} s: some of it may be") from error
        finally:
            for piece in waiting:
                if not piece.offsets.cancel() and not piece.offsets.cancelled():
                    piece.offsets.exception()

    async def _encode(self, kind: str, values: Mapping[str, Value | None]) -> list[KeyedValue]:
        """Return the records. Raises TooLarge where one does not fit the topic."""
        records: list[KeyedValue] = []
        slices = Slices()
        for key, value in values.items():
            records.append(self._place(config_record(kind, key, value, self._clock())))
            await slices.add(len(records[-1].value))
        return records

    def _place(self, record: ConfigRecord) -> KeyedValue:
        """Return what is written of a record, and to which partition. Raises TooLarge."""
        place = record.place
        return KeyedValue(*encode_config_record(record), None if place is None else partition_of(place, self._partitions))

    async def _read_to(self, offsets: Mapping[int, int]) -> None:
        for partition, offset in offsets.items():
            await self._follower.wait_for(partition, offset)

    def _apply(self, record: KeyedRecord) -> None:
        self._view.apply(decode_record(record.value or b"", ConfigRecord))

    async def stop(self) -> None:
        """Stop writing and following."""
        await self._writer.stop()
        await self._follower.stop()


def _whose(values: Mapping[str, Value | None]) -> str:
    """Return whose turn a write takes: the tenant that its keys begin with."""
    return next(iter(values), "").partition("/")[0]
