"""What ingest needs from outside: a durable log, the current version of an event, and whether a problem is open.

Each port has a shipped in-memory twin (`adapters/memory.py`) that passes the same contract suite as the real one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from causeline.schemas.event import Dialect, Event
from causeline.schemas.records import IngestRecord

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


class CurrentEvents(Protocol):
    """The newest version of an event, as fresh as what this process wrote and as the log was when it was asked."""

    async def current(self, tenant: str, dialect: Dialect, event_id: str) -> Event | None:
        """Return the event, None if it does not exist or is deleted.

        A miss is answered only after what was on the log when the call came has been applied (bounded, 5 s), so that there is no false
        "not found". Raises `Unavailable` where the store cannot answer.
        """
        ...

    def wrote(self, event_id: str, position: Position) -> None:
        """Remember that this process wrote the event, so that a read by id waits until that position is applied."""
        ...


class OpenProblems(Protocol):
    """Problems that are open, by what their signals have in common."""

    async def open_start(self, tenant: str, correlation_id: str, now: int) -> int | None:
        """Return the start (ms UTC) of the problem open at `now`, None if none is. Raises `Unavailable`."""
        ...
