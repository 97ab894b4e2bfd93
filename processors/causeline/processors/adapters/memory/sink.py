"""The sink's ports in memory: the shipped twins of Kafka and ClickHouse, held to the same laws by the contract suite."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from causeline.processors.sink.ports import (
    Away,
    CommitOutcome,
    FramedRecord,
    Inserted,
    InsertOutcome,
    RowsRefused,
    SinkBatch,
    SinkPositions,
    TopicPartition,
)
from causeline.schemas.migrations import DELIVERIES_TABLE, EVENTS_TABLE, REVISIONS_TABLE, TRANSITIONS_TABLE
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec


class MemoryTopics:
    """Partitions of framed records and transaction markers, and the committed offsets of one group with its generation."""

    def __init__(self, partitions: Iterable[TopicPartition]) -> None:
        self.log: Final[dict[TopicPartition, list[FramedRecord | None]]] = {tp: [] for tp in partitions}
        self.committed: Final[dict[TopicPartition, int]] = {}
        self.generation = 0
        self.reachable = True
        self.growth: Final = asyncio.Condition()

    def append(self, at: TopicPartition, value: bytes, *, key: bytes = b"", timestamp: int = 0) -> FramedRecord:
        """Append one committed record."""
        record = FramedRecord(at, len(self.log[at]), timestamp, key, value)
        self.log[at].append(record)
        return record

    def mark(self, at: TopicPartition) -> None:
        """Append a transaction marker: an offset without a record."""
        self.log[at].append(None)

    async def wake_polls(self) -> None:
        """Wake the polls that wait for records."""
        async with self.growth:
            self.growth.notify_all()

    def ends(self) -> SinkPositions:
        """Return the offset behind the last entry of each partition."""
        return {tp: len(entries) for tp, entries in self.log.items()}


class MemorySinkSource:
    """A member of the group that owns every partition; a newer one takes them over and fences it."""

    def __init__(self, topics: MemoryTopics) -> None:
        self._topics: Final = topics
        topics.generation += 1
        self._generation: Final = topics.generation
        self._positions: Final = {tp: topics.committed.get(tp, 0) for tp in topics.log}

    async def poll(self, max_records: int, timeout_ms: int) -> SinkBatch:
        """See SinkSource. Whoever appends while a poll waits calls `wake_polls`."""
        before = dict(self._positions)
        records = self._take(max_records)
        if not records and before == self._positions:
            try:
                async with asyncio.timeout(timeout_ms / 1_000), self._topics.growth:
                    await self._topics.growth.wait()
            except TimeoutError:
                pass
            else:
                records = self._take(max_records)
        return SinkBatch(records, dict(self._positions))

    def _take(self, max_records: int) -> list[FramedRecord]:
        records: list[FramedRecord] = []
        for tp, entries in self._topics.log.items():
            at = self._positions[tp]
            while at < len(entries) and (len(records) < max_records or entries[at] is None):
                entry = entries[at]
                at += 1
                if entry is not None:
                    records.append(entry)
            self._positions[tp] = at
        return records

    async def commit(self, positions: SinkPositions) -> CommitOutcome:
        """See SinkSource."""
        if not self._topics.reachable:
            return "unavailable"
        if self._generation != self._topics.generation:
            return "fenced"
        self._topics.committed.update(positions)
        return "committed"


class MemoryTableWriter:
    """Tables as ClickHouse shows them with FINAL. While `outage` is set, inserts answer with it and store nothing."""

    def __init__(self) -> None:
        self.outage: Away | None = None
        self.inserts: Final[list[int]] = []
        self._events: Final[dict[tuple[str, int, str], Event]] = {}
        self._transitions: Final[dict[tuple[str, str, int], Problem]] = {}
        self._deliveries: Final[dict[tuple[str, str, int, int], Delivery]] = {}
        self._revisions: Final[dict[tuple[str, str, int], CauseRevision]] = {}

    async def insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
        """See TableWriter."""
        self.inserts.append(len(frames))
        if self.outage is not None:
            return self.outage
        try:
            if table == EVENTS_TABLE:
                self._put_events([codec.decode_record(_of(schema_id, value), Event) for value in frames])
            elif table == TRANSITIONS_TABLE:
                self._put_transitions([codec.decode_record(_of(schema_id, value), Problem) for value in frames])
            elif table == DELIVERIES_TABLE:
                self._put_deliveries([codec.decode_record(_of(schema_id, value), Delivery) for value in frames])
            elif table == REVISIONS_TABLE:
                self._put_revisions([codec.decode_record(_of(schema_id, value), CauseRevision) for value in frames])
            else:
                return Away("UNKNOWN_TABLE", table)
        except codec.CodecError as error:
            return RowsRefused(str(error))
        return Inserted()

    def _put_events(self, events: Iterable[Event]) -> None:
        for event in events:
            key = (event.tenant, event.ts, event.id)
            previous = self._events.get(key)
            if previous is None or event.version >= previous.version:
                self._events[key] = event

    def _put_transitions(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self._transitions[problem.tenant, problem.id, problem.version] = problem

    def _put_deliveries(self, deliveries: Iterable[Delivery]) -> None:
        for row in deliveries:
            self._deliveries[row.tenant, row.id, row.at, row.attempt] = row

    def _put_revisions(self, revisions: Iterable[CauseRevision]) -> None:
        for row in revisions:
            self._revisions[row.tenant, row.id, row.revision] = row

    def events(self) -> list[Event]:
        """Return the live events by tenant, time and id."""
        return [event for _, event in sorted(self._events.items()) if not event.is_deleted]

    def event_keys(self) -> Mapping[tuple[str, str], int]:
        """Return the time of the newest live version of every event, by tenant and id."""
        newest: dict[tuple[str, str], Event] = {}
        for event in self.events():
            previous = newest.get((event.tenant, event.id))
            if previous is None or event.version > previous.version:
                newest[event.tenant, event.id] = event
        return {key: event.ts for key, event in newest.items()}

    def transitions(self) -> list[Problem]:
        """Return every version of every problem, by tenant, id and version."""
        return [problem for _, problem in sorted(self._transitions.items())]

    def deliveries(self) -> list[Delivery]:
        """Return every attempt of every delivery, by tenant, id and time."""
        return [attempt for _, attempt in sorted(self._deliveries.items())]

    def deliveries_newest(self) -> list[Delivery]:
        """Return the newest attempt of every delivery, by tenant, time of receipt and id, without what it carries."""
        newest = {(row.tenant, row.received, row.id): msgspec.structs.replace(row, record=b"") for row in self.deliveries()}
        return [row for _, row in sorted(newest.items())]

    def revisions(self) -> list[CauseRevision]:
        """Return every published ranking, by tenant, problem and revision."""
        return [row for _, row in sorted(self._revisions.items())]

    def problems(self, state: str) -> list[Problem]:
        """Return the newest versions of the problems that are `open` or `closed`, by tenant and id."""
        newest: dict[tuple[str, str], Problem] = {}
        for problem in self.transitions():
            newest[problem.tenant, problem.id] = problem
        return [problem for problem in newest.values() if not problem.is_deleted and problem.state == state]


def _of(schema_id: int, frame: bytes) -> bytes:
    if codec.schema_id_of(frame) != schema_id:
        raise codec.CodecError(f"a record of schema {codec.schema_id_of(frame)} among those of {schema_id}")
    return frame


class MemoryDeadLetters:
    """Letters in a list, by topic partition of the record they were."""

    def __init__(self) -> None:
        self.letters: Final[dict[TopicPartition, list[DeadLetter]]] = defaultdict(list)

    async def append(self, letter: DeadLetter) -> None:
        """See DeadLetterLog."""
        self.letters[TopicPartition(letter.topic, letter.partition)].append(letter)
