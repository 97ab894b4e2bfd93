"""What lies on the public topics, copied into tables by the sink's own grouping and inserts; bounded memory whatever the log's length.

A batch is at most `_BATCH_RECORDS` records, what the consumer holds is bounded by the log's adapter, inserts are cut at `_INSERT_BYTES`.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from causeline.processors.sink.batches import Group, group_records
from causeline.processors.sink.ports import FramedRecord, Inserted, PublicLog, RowsRefused, SinkPositions, Span, TableWriter, TopicPartition
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, DELIVERIES_LOG, EVENTS, PROBLEMS, is_compacted
from causeline.schemas.wire import codec

_BATCH_RECORDS: Final = 100_000
_INSERT_BYTES: Final = 64 << 20
_DECODERS: Final[Mapping[str, Callable[[bytes], Event | Problem | Delivery | CauseRevision]]] = {
    EVENTS: lambda value: codec.decode_record(value, Event),
    PROBLEMS: lambda value: codec.decode_record(value, Problem),
    DELIVERIES_LOG: lambda value: codec.decode_record(value, Delivery),
    CAUSES: lambda value: codec.decode_record(value, CauseRevision),
}


UnconfirmedListener = Callable[[list[tuple[str, str]]], None]
"""Takes in the (tenant, id) of records that the sink has not confirmed."""


class CopyReport(Protocol):
    """Shows how far a copy is."""

    def copying(self, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show the way to `total` offsets; the function given takes how many are done."""
        ...


class CopyError(Exception):
    """ClickHouse does not take the rows; the message says why."""


class Copy:
    """Copies what lies between the position read and the ends, as often as asked."""

    def __init__(
        self,
        log: PublicLog,
        writer: TableWriter,
        on_unconfirmed: UnconfirmedListener,
        report: CopyReport,
        sink_positions: SinkPositions,
        now_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._writer = writer
        self._on_unconfirmed = on_unconfirmed
        self._report = report
        self._sink_positions = sink_positions
        self._now_ms = now_ms
        self._read: dict[TopicPartition, int] | None = None
        self.horizons: dict[str, int] = {}
        """Rows of a topic older than this (ms UTC) may have come from records that are gone; a topic that is whole has none.

        Of each partition that was cut, when its oldest record that is left was written, or now where none is left; the latest of them.
        Of a compacted topic it is now: any record may have made room for a newer one of its key.
        """

    async def to_the_ends(self, writer: TableWriter | None = None) -> int:
        """Copy up to the ends of now; return the number of records. Raises CopyError where ClickHouse does not take them."""
        spans = dict(await self._log.spans())
        cut_partitions = {at for at, span in spans.items() if span.begin > 0} if self._read is None else set()
        if self._read is not None:
            spans = {at: Span(self._read[at], span.end) for at, span in spans.items()}
        total = sum(span.end - span.begin for span in spans.values())
        count = 0
        with self._report.copying(total) as advance:
            progress = {at: span.begin for at, span in spans.items()}
            async for records, positions in self._log.read(spans, _BATCH_RECORDS):
                cut_partitions = self._note_oldest(cut_partitions, records)
                await self._insert(records, writer or self._writer)
                count += len(records)
                progress.update(positions)
                advance(sum(min(progress[at], span.end) - span.begin for at, span in spans.items()))
        if cut_partitions:  # emptied: nothing there says what its last record was
            self.horizons |= dict.fromkeys((at.topic for at in cut_partitions), self._now_ms())
        if self._read is None:
            self.horizons |= dict.fromkeys((at.topic for at in spans if is_compacted(at.topic)), self._now_ms())
        self._read = {at: max(span.begin, span.end) for at, span in spans.items()}
        return count

    def _note_oldest(self, cut_partitions: set[TopicPartition], records: list[FramedRecord]) -> set[TopicPartition]:
        for record in records:
            if record.at in cut_partitions:
                cut_partitions = cut_partitions - {record.at}
                self.horizons[record.at.topic] = max(self.horizons.get(record.at.topic, 0), record.timestamp)
        return cut_partitions

    async def _insert(self, records: list[FramedRecord], writer: TableWriter) -> None:
        groups, _ = group_records(records, _INSERT_BYTES)
        for group in groups:
            await _put(writer, group)
        keys = [key for record in records if record.offset >= self._sink_positions.get(record.at, 0) for key in _key_of(record)]
        if keys:
            self._on_unconfirmed(keys)


async def _put(writer: TableWriter, group: Group) -> None:
    """Insert a group; a row that ClickHouse refuses is found by halving and left out, as the sink did when it set it aside."""
    outcome = await writer.insert(group.table, group.schema_id, [record.value for record in group.records])
    if isinstance(outcome, Inserted) or (isinstance(outcome, RowsRefused) and len(group.records) == 1):
        return
    if isinstance(outcome, RowsRefused):
        middle = len(group.records) // 2
        await _put(writer, group._replace(records=group.records[:middle]))
        await _put(writer, group._replace(records=group.records[middle:]))
        return
    raise CopyError(f"ClickHouse does not take rows ({outcome.error}): {outcome.detail[:300]}")


def _key_of(record: FramedRecord) -> list[tuple[str, str]]:
    """Return the (tenant, id) of a record, none where it does not decode: then it is in no table."""
    try:
        entity = _DECODERS[record.at.topic](record.value)
    except codec.CodecError:
        return []
    return [(entity.tenant, entity.id)]
