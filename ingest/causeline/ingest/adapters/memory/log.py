"""In-memory twins of the ports: for tests and for trying out a dialect without a broker. They keep the laws of the real ones."""

from collections.abc import Iterator, Sequence
from typing import Final

from causeline.ingest.placement import PlacedRecord, everywhere, place
from causeline.ingest.ports import Position
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire.codec import decode_record


class MemoryEventLog:
    """An EventLog in lists: `partitions[p][offset]` is a (key, value) as it would lie on the topic."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions: Final[list[list[tuple[bytes, bytes]]]] = [[] for _ in range(partitions)]
        self.away = False
        """While True, appends are refused as if the broker were away."""

    async def append(self, records: Sequence[IngestRecord]) -> list[Position]:
        """Append all records; see EventLog.append."""
        return self._append(place(records, len(self.partitions)))

    async def broadcast(self, record: IngestRecord) -> list[Position]:
        """Append to every partition; see EventLog.broadcast."""
        return self._append(everywhere(record, len(self.partitions)))

    def _append(self, records: list[PlacedRecord]) -> list[Position]:
        if self.away:
            raise Unavailable("the log is away")
        positions: list[Position] = []
        for record in records:
            partition = self.partitions[record.partition]
            positions.append(Position(record.partition, len(partition)))
            partition.append((record.key, record.value))
        return positions

    def records(self) -> list[IngestRecord]:
        """Return everything on the log, partition by partition, decoded."""
        return [decode_record(value, IngestRecord) for partition in self.partitions for _, value in partition]


class MemoryCurrentEvents:
    """CurrentEvents over a dictionary that a test fills with `put`; `positions`, `places`: what `wrote` and `appended` were told."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], Event] = {}
        self.positions: Final[dict[str, Position]] = {}
        self.places: Final[dict[str, list[Position]]] = {}

    def put(self, event: Event) -> None:
        """Take in a version; an older one than is known changes nothing."""
        newest = self._events.get((event.tenant, event.id))
        if newest is None or newest.version <= event.version:
            self._events[event.tenant, event.id] = event

    async def current(self, tenant: str, dialect: str, event_id: str, groups: tuple[str, ...] | None) -> Event | None:
        """Return the newest version, None if there is none, it is deleted or hidden."""
        return next((event for event in self._select(tenant, dialect, groups) if event.id == event_id), None)

    async def current_several(
        self, tenant: str, dialect: str, event_ids: Sequence[str], groups: tuple[str, ...] | None
    ) -> dict[str, Event]:
        """Return the newest versions of those that are there."""
        return {event.id: event for event in self._select(tenant, dialect, groups) if event.id in event_ids}

    async def tagged(self, tenant: str, dialect: str, key: str, value: str, groups: tuple[str, ...] | None) -> Event | None:
        """Return the newest event that has the tag."""
        events = [event for event in self._select(tenant, dialect, groups) if event.tags.get(key) == value]
        return max(events, key=lambda event: (event.ts, event.id), default=None)

    def _select(self, tenant: str, dialect: str, groups: tuple[str, ...] | None) -> Iterator[Event]:
        for (owner, _), event in self._events.items():
            shared = groups is None or not event.allowed_groups or not set(groups).isdisjoint(event.allowed_groups)
            if owner == tenant and event.dialect == dialect and not event.is_deleted and shared:
                yield event

    def wrote(self, event_id: str, position: Position) -> None:
        """Remember the newest position of an event."""
        self.positions[event_id] = position

    def appended(self, tenant: str, positions: Sequence[Position]) -> None:
        """Remember every position of a tenant."""
        self.places.setdefault(tenant, []).extend(positions)


class MemoryOpenProblems:
    """OpenProblems over a dictionary that a test fills with `open`."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], tuple[int, int | None]] = {}

    def open(self, tenant: str, correlation_id: str, start: int, deadline: int | None = None) -> None:
        """Open a problem, until its deadline if it has one (ms UTC)."""
        self._open[tenant, correlation_id] = (start, deadline)

    async def open_start(self, tenant: str, correlation_id: str, now: int) -> int | None:
        """Return the start of the problem open at `now`, None if none is."""
        start, deadline = self._open.get((tenant, correlation_id), (None, None))
        return None if deadline is not None and deadline <= now else start
