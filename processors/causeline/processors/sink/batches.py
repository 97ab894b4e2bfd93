"""Records on their way into the tables: read until an insert is due, then sorted into inserts of one table and one schema."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from causeline.processors.sink.ports import TOPIC_TABLES, FramedRecord, SinkBatch, TopicPartition
from causeline.schemas.topics import is_compacted
from causeline.schemas.wire import codec

_VALUE: Final = attrgetter("value")
_TIMESTAMP: Final = attrgetter("timestamp")


class Group(NamedTuple):
    """Records that go into one insert."""

    table: str
    schema_id: int
    records: Sequence[FramedRecord]


class Misfit(NamedTuple):
    """A record that no table takes, told without asking ClickHouse."""

    record: FramedRecord
    detail: str


class ReadBatch:
    """Records that were read and not yet inserted, and the positions behind them."""

    def __init__(self) -> None:
        self.records: Final[list[FramedRecord]] = []
        self.positions: Final[dict[TopicPartition, int]] = {}
        self.bytes = 0
        self.oldest: int | None = None

    def add(self, batch: SinkBatch) -> None:
        """Take in what a poll brought."""
        self.records.extend(batch.records)
        self.positions.update(batch.positions)
        self.bytes += sum(map(len, map(_VALUE, batch.records)))
        oldest = min(map(_TIMESTAMP, batch.records), default=self.oldest)
        if oldest is not None:
            self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)


def group_records(records: Iterable[FramedRecord], max_bytes: int) -> tuple[list[Group], list[Misfit]]:
    """Sort records into inserts of at most `max_bytes` (one larger record goes alone), in the order of the log.

    Tombstones of a compacted topic are left out: they say what its consumers may forget, and rows go by their retention.
    """
    by_frame: dict[tuple[str, bytes], list[FramedRecord]] = {}
    for record in records:
        # The five bytes of the frame say the schema: asking the registry once a kind, not once a record, is a tenth of the time.
        by_frame.setdefault((record.at.topic, record.value[: codec.HEADER_SIZE]), []).append(record)
    groups: list[Group] = []
    misfits: list[Misfit] = []
    for (topic, frame), members in by_frame.items():
        if not frame and is_compacted(topic):
            continue
        table, subject = TOPIC_TABLES[topic]
        try:
            schema_id = codec.schema_id_of(frame)
        except codec.CodecError as error:
            misfits += [Misfit(record, str(error)) for record in members]
            continue
        if codec.registry()[schema_id].subject == subject:
            groups += [Group(table, schema_id, part) for part in _parts(members, max_bytes)]
        else:
            misfits += [Misfit(record, f"schema id {schema_id} is not a schema of {subject}") for record in members]
    return groups, misfits


def _parts(records: Sequence[FramedRecord], max_bytes: int) -> Iterator[Sequence[FramedRecord]]:
    first, size = 0, 0
    for i, record in enumerate(records):
        size += len(record.value)
        if size > max_bytes and i > first:
            yield records[first:i]
            first, size = i, len(record.value)
    yield records[first:]
