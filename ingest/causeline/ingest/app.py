"""The ingest service: what every dialect does after it has parsed a request.

Ids come from time and randomness or from the idempotency key, order and durability from the log. What it remembers, the keys that it
acknowledged lately (`acknowledged.py`), only makes answers better: every decision is the processors'.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, Protocol, TypeVar

import msgspec
import structlog

from causeline.ingest.acknowledged import AcknowledgedKeys, First, KeyVerdict, is_keyed
from causeline.ingest.idempotency import HEADER
from causeline.ingest.ports import CurrentEvents, EventLog, OpenProblems, RandomBytes
from causeline.schemas import telemetry
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Conflict, FieldError

_STANDARD: Final = logging.getLogger(__name__)
_log: Final = structlog.get_logger(__name__)

_ID_RANDOM_BYTES: Final = 10
_accepted: Final = cache(telemetry.EVENTS_ACCEPTED.labels)
"""Looking up a labelled counter costs more than counting."""
_CHANGES: Final = frozenset({"patch", "delete"})

USED: Final = "was used with other content before; nothing of this request is stored"
"""What a client is told of a key that it uses a second time for something else."""


class Write(Protocol):
    """What a request makes: its records, in the order of its items."""

    @property
    def records(self) -> Sequence[IngestRecord]:
        """Return the records."""
        ...

    def key_field(self, position: int) -> str:
        """Return what gave a record its own key: the header's name, or the path of a field."""
        ...


_Write = TypeVar("_Write", bound=Write)
Firsts = Mapping[int, First]
"""The items of a request (by position) whose keys were acknowledged before with the same content."""


def arrival_of(firsts: Firsts, now: int) -> int:
    """Return the arrival (ms UTC) that a request of one key is answered with: the first one's."""
    first = firsts.get(0)
    return now if first is None else first.arrival


class IngestService:
    """Appends records and counts them; gives the dialects new ids and the current version of an event."""

    def __init__(
        self,
        log: EventLog,
        events: CurrentEvents,
        problems: OpenProblems,
        random: RandomBytes,
        acknowledged_keys: AcknowledgedKeys | None = None,
    ) -> None:
        self._log = log
        self._random = random
        self._acknowledged_keys = acknowledged_keys or AcknowledgedKeys()
        self.events: Final = events
        self.problems: Final = problems

    def new_id(self, ts_ms: int) -> str:
        """Return a new UUIDv7 that carries `ts_ms`."""
        return ids.uuid7(ts_ms, self._random(_ID_RANDOM_BYTES))

    def new_id_ns(self, ts_ns: int) -> str:
        """Return a new UUIDv7 that carries `ts_ns` and sorts by it within its millisecond."""
        return ids.uuid7_ns(ts_ns, self._random(_ID_RANDOM_BYTES))

    async def forward(self, records: Sequence[IngestRecord]) -> None:
        """Return once records that are no client's events, and count as none, are durable. Raises as `append` does."""
        if records:
            await self._log.append(records)

    async def append(self, dialect: str, records: Sequence[IngestRecord]) -> None:
        """Return once all records, of one tenant, are durable. Raises Unavailable or TooLarge (see EventLog.append)."""
        if not records:
            return
        positions = await self._log.append(records)
        self.events.appended(records[0].tenant, positions)
        for record, position in zip(records, positions, strict=True):
            # Only a changed event can be read in an older version; a new one is missed, and a miss waits for the log anyway.
            if record.op in _CHANGES:
                self.events.wrote(record.id, position)
        _accepted(dialect).inc(len(records))
        if _STANDARD.isEnabledFor(logging.DEBUG):  # asked first: a line for every event would cost more than the event
            _log.debug("accepted", dialect=dialect, tenant=records[0].tenant, event_ids=[record.id for record in records])

    async def once(self, dialect: str, now: int, make: Callable[[Firsts], _Write]) -> _Write:
        """Make a request's records and return once all are durable. `now` (ms UTC) is its arrival.

        What repeats a request that this process acknowledged is made again as of then, so that it is answered alike. Raises Conflict
        where a key stood for other content: nothing is stored, the records are dead letters. Raises as `append` does.
        """
        write = make({})
        if not is_keyed(write.records):
            await self.append(dialect, write.records)
            return write
        async with self._acknowledged_keys.turn(write.records, now) as verdicts:
            conflicts = await self._set_aside(write.records, verdicts)
            if conflicts:
                own = verdicts[conflicts[0]] == "conflict"
                field = write.key_field(conflicts[0]) if own else HEADER
                where = "HEADER" if field == HEADER else "PAYLOAD_BODY"
                raise Conflict(f"the {field} {USED}", (FieldError(field, USED),), where=where)
            firsts = {position: verdict for position, verdict in enumerate(verdicts) if isinstance(verdict, First)}
            if firsts:
                write = make(firsts)
            await self.append(dialect, write.records)
        return write

    async def each_once(self, dialect: str, now: int, records: Sequence[IngestRecord]) -> list[int]:
        """Append the records of a request whose items stand for themselves; return which were refused since their own key is another's.

        Raises Conflict where the request's key stood for another request. Otherwise as `once`.
        """
        if not is_keyed(records):
            await self.append(dialect, records)
            return []
        async with self._acknowledged_keys.turn(records, now) as verdicts:
            conflicts = await self._set_aside(records, verdicts)
            if "request_conflict" in verdicts:
                raise Conflict(f"the {HEADER} {USED}", (FieldError(HEADER, USED),), where="HEADER")
            await self.append(dialect, [record for position, record in enumerate(records) if position not in conflicts])
        return conflicts

    async def _set_aside(self, records: Sequence[IngestRecord], verdicts: Sequence[KeyVerdict]) -> list[int]:
        """Let what contradicts its key become dead letters, durably; return which records those are."""
        conflicts = [position for position, verdict in enumerate(verdicts) if verdict in {"conflict", "request_conflict"}]
        await self.forward([msgspec.structs.replace(records[position], op="conflict") for position in conflicts])
        return conflicts

    async def broadcast(self, record: IngestRecord) -> None:
        """Return once every partition has the record, which is no event and not counted as one. Raises as EventLog.broadcast."""
        await self._log.broadcast(record)
