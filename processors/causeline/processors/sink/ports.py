"""What the sink needs: a source of framed records, a writer of rows, and a place for records that no table takes.

Each port has two adapters, Kafka or ClickHouse and memory, that pass the same contract suite.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from causeline.schemas.migrations import DELIVERIES_TABLE, EVENTS_TABLE, REVISIONS_TABLE, TRANSITIONS_TABLE
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import CAUSES, DELIVERIES_LOG, EVENTS, PROBLEMS

TOPIC_TABLES: Mapping[str, tuple[str, str]] = {
    EVENTS: (EVENTS_TABLE, "event"),
    PROBLEMS: (TRANSITIONS_TABLE, "problem"),
    DELIVERIES_LOG: (DELIVERIES_TABLE, "delivery"),
    CAUSES: (REVISIONS_TABLE, "causes"),
}
"""Which table a topic goes to, and which schema subject its records have."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class FramedRecord(NamedTuple):
    """One record as it lies on the log: `timestamp` in ms UTC, `value` in Confluent framing, empty for a tombstone."""

    at: TopicPartition
    offset: int
    timestamp: int
    key: bytes
    value: bytes


SinkPositions = Mapping[TopicPartition, int]
"""Offset of the next record to read, by partition. It passes transaction markers, which are no records but take an offset."""


class SinkBatch(NamedTuple):
    """Records in the order of each partition, and the positions right behind them (of every partition that is read)."""

    records: Sequence[FramedRecord]
    positions: SinkPositions


CommitOutcome = Literal["committed", "fenced", "unavailable"]
"""`fenced`: these partitions belong to another member now, who will read them again. `unavailable`: ask again later."""


class SinkSource(Protocol):
    """The committed records of the public topics, as one member of the consumer group of the sink."""

    async def poll(self, max_records: int, timeout_ms: int) -> SinkBatch:
        """Return up to `max_records`, as soon as there are some, else after the timeout with positions alone.

        Membership of the group does not depend on being called: not polling is how the sink pauses its partitions. Records of
        open and aborted transactions are not returned.
        """
        ...

    async def commit(self, positions: SinkPositions) -> CommitOutcome:
        """Make these positions the place where the next owner begins."""
        ...


class Inserted(NamedTuple):
    """The rows are durable."""


class Away(NamedTuple):
    """ClickHouse did not take the rows now: away, overloaded or not migrated. Any part of them may be in; the same rows go again.

    `error` is ClickHouse's own name of the error (`TOO_MANY_PARTS`) or the class of a transport error: a metric label.
    """

    error: str
    detail: str


class RowsRefused(NamedTuple):
    """These bytes will never be rows of this table."""

    detail: str


InsertOutcome = Inserted | Away | RowsRefused


class TableWriter(Protocol):
    """Rows into one database. A row that is inserted twice shows once (same key, same version)."""

    async def insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
        """Insert framed records of one schema and return when they are durable. `Inserted` means all, else none is promised."""
        ...


class DeadLetterLog(Protocol):
    """The topic of records that could not be processed."""

    async def append(self, letter: DeadLetter) -> None:
        """Return when the letter is durable. Raises where it is not: the sink stops without committing, and starts again."""
        ...


class Span(NamedTuple):
    """Where one partition begins and ends now (offsets; the end is exclusive)."""

    begin: int
    end: int


Spans = Mapping[TopicPartition, Span]


class PublicLog(Protocol):
    """The committed records of the public topics by position, outside any group: what makes the tables anew."""

    async def spans(self) -> Spans:
        """Return where the partitions begin and end, open transactions left out."""
        ...

    async def sink_positions(self) -> SinkPositions:
        """Return what the sink has committed, by partition; absent where nothing."""
        ...

    def read(self, spans: Spans, max_records: int) -> AsyncIterator[tuple[list[FramedRecord], SinkPositions]]:
        """Yield the records of the spans in batches, with the positions behind them."""
        ...
