"""The ingest service: what every dialect does after it has parsed a request.

It holds no state of its own: ids come from time and randomness or from the idempotency key, order and durability from the log.
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Final

import structlog

from causeline.ingest.ports import CurrentEvents, EventLog, OpenProblems, RandomBytes
from causeline.schemas import ids, telemetry
from causeline.schemas.event import Dialect
from causeline.schemas.records import IngestRecord

_STANDARD: Final = logging.getLogger(__name__)
_log: Final = structlog.get_logger(__name__)

_ID_RANDOM_BYTES: Final = 10
_accepted: Final = cache(telemetry.EVENTS_ACCEPTED.labels)
"""Looking up a labelled counter costs more than counting."""
_CHANGES: Final = frozenset({"patch", "delete"})


class IngestService:
    """Appends records and counts them; gives the dialects new ids and the current version of an event."""

    def __init__(self, log: EventLog, events: CurrentEvents, problems: OpenProblems, random: RandomBytes) -> None:
        self._log = log
        self._random = random
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

    async def append(self, dialect: Dialect, records: Sequence[IngestRecord]) -> None:
        """Return once all records are durable. Raises Unavailable or TooLarge (see EventLog.append)."""
        if not records:
            return
        positions = await self._log.append(records)
        for record, position in zip(records, positions, strict=True):
            # Only a changed event can be read in an older version; a new one is missed, and a miss waits for the log anyway.
            if record.op in _CHANGES:
                self.events.wrote(record.id, position)
        _accepted(dialect).inc(len(records))
        if _STANDARD.isEnabledFor(logging.DEBUG):  # asked first: a line for every event would cost more than the event
            _log.debug("accepted", dialect=dialect, tenant=records[0].tenant, event_ids=[record.id for record in records])

    async def broadcast(self, record: IngestRecord) -> None:
        """Return once every partition has the record, which is no event and not counted as one. Raises as EventLog.broadcast."""
        await self._log.broadcast(record)
