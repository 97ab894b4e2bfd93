"""The public topics in memory: the shipped twin of `kafka/tail.py`."""

import asyncio
from typing import NamedTuple

from causeline.query_api.live.positions import WITH_CAUSES, Batch, LogRecord, Partition, Positions, Topics, partitions
from causeline.schemas.web.errors import Unavailable

_POLL_S = 0.25
_MAX_RECORDS = 500


class _Line(NamedTuple):
    """One partition: the offset of its oldest record, and what follows; None is an offset without a record (a marker, a tombstone)."""

    begin: int
    records: list[LogRecord | None]

    @property
    def end(self) -> int:
        return self.begin + len(self.records)


class MemoryLogTail:
    """See LogTail. `away` is a log that does not answer; `readings` counts those that are open."""

    def __init__(self, count: int = 4) -> None:
        self._count = count
        self._lines = {partition: _Line(0, []) for partition in partitions(count, WITH_CAUSES)}
        self._grew = asyncio.Condition()
        self.away = False
        self.readings = 0

    @property
    def partitions(self) -> int:
        """See LogTail."""
        return self._count

    async def append(self, partition: Partition, timestamp: int, *values: bytes | None) -> None:
        """Write records that are committed at once, as one; a None takes an offset and is no record."""
        line = self._lines[partition]
        for value in values:
            record = None if value is None else LogRecord(partition, line.end, timestamp, value)
            line.records.append(record)
        async with self._grew:
            self._grew.notify_all()

    def cut(self, partition: Partition, offset: int) -> None:
        """Forget what lies before an offset, as retention does."""
        line = self._lines[partition]
        self._lines[partition] = _Line(offset, line.records[offset - line.begin :])

    def compact(self, partition: Partition, *offsets: int) -> None:
        """Forget the records at these offsets, as compaction does: the partition begins where it began."""
        line = self._lines[partition]
        for offset in offsets:
            line.records[offset - line.begin] = None

    async def open(self, topics: Topics) -> "MemoryReading":
        """See LogTail."""
        self.answer()
        self.readings += 1
        return MemoryReading(self, topics)

    def answer(self) -> None:
        """Raise Unavailable while the log is away."""
        if self.away:
            raise Unavailable("the log does not answer")

    def line(self, partition: Partition) -> _Line:
        """Return a partition as it is now."""
        return self._lines[partition]

    def lines(self, topics: Topics) -> dict[Partition, _Line]:
        """Return the partitions of topics as they are now."""
        self.answer()
        return {partition: line for partition, line in self._lines.items() if partition.topic in topics}

    async def wait_for_growth(self) -> None:
        """Wait until something was written, a quarter of a second at most."""
        try:
            async with asyncio.timeout(_POLL_S), self._grew:
                await self._grew.wait()
        except TimeoutError:
            return


class MemoryReading:
    """See LogReading."""

    def __init__(self, tail: MemoryLogTail, topics: Topics) -> None:
        self._tail = tail
        self._topics = topics
        self._positions: dict[Partition, int] = {}
        self._open = True

    async def begins(self) -> dict[Partition, int]:
        """See LogReading."""
        return {partition: line.begin for partition, line in self._tail.lines(self._topics).items()}

    async def ends(self) -> dict[Partition, int]:
        """See LogReading."""
        return {partition: line.end for partition, line in self._tail.lines(self._topics).items()}

    async def since(self, ms: int) -> dict[Partition, int]:
        """See LogReading."""
        offsets = await self.ends()
        for partition, line in self._tail.lines(self._topics).items():
            later = (record.offset for record in line.records if record is not None and record.timestamp >= ms)
            offsets[partition] = next(later, offsets[partition])
        return offsets

    def seek(self, positions: Positions) -> None:
        """See LogReading."""
        self._positions = dict(positions)

    async def poll(self) -> Batch:
        """See LogReading."""
        if not any(self._positions[partition] < line.end for partition, line in self._tail.lines(self._topics).items()):
            await self._tail.wait_for_growth()
        records: list[LogRecord] = []
        for partition, line in self._tail.lines(self._topics).items():
            at = self._positions[partition]
            if at < line.begin:
                raise Unavailable(f"{partition.topic} has no offset {at} any more")
            chunk = line.records[at - line.begin :][: _MAX_RECORDS - len(records)]
            records += [record for record in chunk if record is not None]
            self._positions[partition] = at + len(chunk)
        return Batch(records, dict(self._positions))

    async def close(self) -> None:
        """See LogReading."""
        self._tail.readings -= self._open
        self._open = False
