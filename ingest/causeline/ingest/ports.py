"""What ingest needs from outside: a durable log, the current version of an event, and whether a problem is open.

Each port has a shipped in-memory twin (`memory/log.py`) that passes the same contract suite as the real one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from causeline.schemas.records.config import ConfigView, Value
from causeline.schemas.records.delivery import Health
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.records.problem import Problem

RandomBytes = Callable[[int], bytes]


class Position(NamedTuple):
    """Where a record lies on the ingest log."""

    partition: int
    offset: int


class EventLog(Protocol):
    """The ingest log."""

    async def append(self, records: Sequence[IngestRecord]) -> list[Position]:
        """Append all records and return their positions, in order, once the broker acknowledged every one (acks=all).

        Records with the same key keep their order. Raises `Unavailable` when the acknowledgement does not come within 5 s: the outcome
        is then unknown. Raises `TooLarge` before anything is sent where a record cannot fit the log.
        """
        ...

    async def broadcast(self, record: IngestRecord) -> list[Position]:
        """Append one record to every partition, whatever its key; return its positions by partition. Errors as in `append`.

        Where it raises Unavailable, some partitions may have the record and others not: the caller repeats.
        """
        ...


class CurrentEvents(Protocol):
    """The newest version of an event, as fresh as what this process wrote and as the log was when it was asked."""

    async def current(self, tenant: str, dialect: str, event_id: str, groups: tuple[str, ...] | None) -> Event | None:
        """Return the event, None if it does not exist, is deleted, or is restricted to other groups than these (None: sees all).

        A miss is answered only after what was on the log when the call came has been applied (bounded, 5 s), so that there is no false
        "not found". Raises `Unavailable` where the store cannot answer, or is so far behind the log that what it lacks may be forgotten
        by the processors: a change of such a base could be taken twice.
        """
        ...

    async def current_several(
        self, tenant: str, dialect: str, event_ids: Sequence[str], groups: tuple[str, ...] | None
    ) -> dict[str, Event]:
        """Return several events by their ids, each as `current` does and absent where that returns None. Ask for a hundred at most."""
        ...

    async def tagged(self, tenant: str, dialect: str, key: str, value: str, groups: tuple[str, ...] | None) -> Event | None:
        """Return the newest event that has the tag; None and errors as in `current`."""
        ...

    def wrote(self, event_id: str, position: Position) -> None:
        """Remember that this process wrote the event, so that a read by id waits until that position is applied."""
        ...

    def appended(self, tenant: str, positions: Sequence[Position]) -> None:
        """Remember where this process just wrote a tenant's events, so that its next list may wait for them."""
        ...


class OpenProblems(Protocol):
    """Problems that are open, by what their signals have in common."""

    async def open_start(self, tenant: str, correlation_id: str, now: int) -> int | None:
        """Return the start (ms UTC) of the problem open at `now`, None if none is. Raises `Unavailable`."""
        ...


class StoredProblem(Protocol):
    """A problem, and whatever is shown with it."""

    @property
    def problem(self) -> Problem:
        """Return its newest version."""
        ...


class StoredSubjects(Protocol):
    """What people may say something of: problems, and events of any API."""

    async def problem(self, tenant: str, problem_id: str, now: int) -> StoredProblem | None:
        """Return a problem as of `now` (ms UTC), None without one. Raises `Unavailable`."""
        ...

    async def event(self, tenant: str, dialect: str | None, event_id: str, groups: tuple[str, ...] | None) -> Event | None:
        """Return an event, None without one or where it is restricted to other groups than these (None: sees all)."""
        ...


class HealthView(Protocol):
    """How subscriptions fare, as far as the processors have said and this process has followed."""

    def of(self, subscription_id: str) -> Health | None:
        """Return the newest that is known of a subscription, None where nothing is."""
        ...


class ConfigLog(Protocol):
    """The configuration: a compacted log that every server folds from its beginning and follows."""

    @property
    def view(self) -> ConfigView:
        """What holds now, as far as this process has followed the log."""
        ...

    async def put(self, kind: str, key: str, value: Value | None) -> None:
        """Set a value, or take it away (None), durably; return once `view` of this process shows it, other processes follow.

        Raises `Unavailable` when that does not happen within 5 s: the outcome is then unknown. Raises `TooLarge` before anything is
        sent where the record does not fit the log.
        """
        ...

    async def put_all(self, kind: str, values: Mapping[str, Value | None]) -> None:
        """Set or take away several values of one kind, in any order; return once `view` shows all of them. The keys are one tenant's.

        Errors as in `put`, where the 5 s are those of each batch of them: between two batches other tenants write theirs. Where it raises
        `Unavailable`, some may be set and others not: the caller repeats.
        """
        ...

    async def caught_up(self) -> None:
        """Return once everything that was on the log when this process began to follow it is in `view`."""
        ...
