"""What waits for the broker: appends, cut by partition, on one queue a partition."""

import asyncio
from collections import deque
from typing import Final, NamedTuple

from aiokafka.producer.message_accumulator import BatchBuilder

from causeline.ingest.placement import PlacedRecord
from causeline.ingest.ports import Position
from causeline.schemas.web.errors import Unavailable


class Append:
    """One call of `append`: its future, when it began (loop time), and the positions that are still missing."""

    __slots__ = ("began", "future", "missing", "positions")

    def __init__(self, size: int, future: "asyncio.Future[list[Position]]", began: float) -> None:
        self.future = future
        self.began = began
        self.missing = size
        self.positions = [_NOWHERE] * size

    def note_positions(self, slots: list[int], partition: int, base: int) -> None:
        """Note that the records of these slots lie one after the other from `base` on."""
        for offset, slot in enumerate(slots, base):
            self.positions[slot] = Position(partition, offset)
        self.missing -= len(slots)
        if not self.missing and not self.future.done():
            self.future.set_result(self.positions)

    def fail(self, message: str) -> None:
        """Answer Unavailable, unless the client was answered already."""
        if not self.future.done():
            self.future.set_exception(Unavailable(message))


_NOWHERE: Final = Position(-1, -1)
_FIRST: Final = [0]
"""The slots of an append of one record."""


class AppendPart(NamedTuple):
    """What one append has for one partition: its records, and which of the append's they are."""

    append: Append
    slots: list[int]
    records: list[PlacedRecord]

    @property
    def size(self) -> int:
        """Bytes of keys and values."""
        records = self.records
        return records[0].size if len(records) == 1 else sum([record.size for record in records])

    def cut(self, at: int) -> "tuple[AppendPart, AppendPart]":
        """Return the first `at` records and the others."""
        append, slots, records = self
        return AppendPart(append, slots[:at], records[:at]), AppendPart(append, slots[at:], records[at:])


class AppendLane:
    """One partition: what waits for it, and since when (loop time) a batch is under way."""

    def __init__(self, partition: int) -> None:
        self.partition: Final = partition
        self.queue: deque[AppendPart] = deque()
        self.has_parts: Final = asyncio.Event()
        self.sent_at: float | None = None

    def put(self, part: AppendPart) -> None:
        """Queue a part and wake the one who sends."""
        self.queue.append(part)
        self.has_parts.set()

    def drop_answered(self) -> int:
        """Forget waiting records whose client was answered already; return their bytes. They are the oldest: time-outs come in order."""
        size = 0
        while self.queue and self.queue[0].append.future.done():
            size += self.queue.popleft().size
        return size

    def collect(self, batch: BatchBuilder) -> list[AppendPart]:
        """Move what fits into the batch; a record larger than a batch goes alone, an append that does not fit is cut."""
        parts: list[AppendPart] = []
        while self.queue:
            part = self.queue.popleft()
            count = _fill(batch, part.records)
            if count == len(part.records):
                parts.append(part)
                continue
            first, rest = part.cut(count)
            self.queue.appendleft(rest)
            return [*parts, first] if count else parts
        return parts


def _fill(batch: BatchBuilder, records: list[PlacedRecord]) -> int:
    add = batch.append
    for count, record in enumerate(records):
        if add(timestamp=None, key=record.key, value=record.value) is None:
            return count
    return len(records)


def parts_of(append: Append, records: list[PlacedRecord]) -> "dict[int, AppendPart]":
    """Sort an append's records by their partition, each part in order."""
    if len(records) == 1:
        return {records[0].partition: AppendPart(append, _FIRST, records)}
    parts: dict[int, AppendPart] = {}
    for slot, record in enumerate(records):
        part = parts.get(record.partition)
        if part is None:
            part = parts[record.partition] = AppendPart(append, [], [])
        part.slots.append(slot)
        part.records.append(record)
    return parts
