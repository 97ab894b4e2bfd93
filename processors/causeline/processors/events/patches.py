"""Changes of events that exist: a patch or delete meets the newest version, not the one its writer saw.

Ingest is stateless: it merges a patch into the version it could read and says which one that was. Here is the only place that knows
whether another writer was faster. If not, the merged record is taken as it is; if so, the patch itself is applied to the newest
version, so that two clients who change different fields both win. Only events changed lately are known (a create needs no state): what
is unknown has not changed since ingest read it, because ingest reads no base that lacks an older change, and a change that took so
long that one may be forgotten is set aside (`logic.ProcessorLogic`).
"""

from collections.abc import Callable

import msgspec

from causeline.processors.events.state import RecentEvent
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetterReason, IngestRecord
from causeline.schemas.wire import codec

Merge = Callable[[Event, str], Event]
"""Apply a client's JSON patch to an event. Raises ValueError where that gives no event."""


class Changed(msgspec.Struct, frozen=True):
    """The next version of the event; `tombstone` is that of its old time where the event time changed."""

    event: Event
    tombstone: Event | None = None


class AlreadyDeleted(msgspec.Struct, frozen=True):
    """A delete of what is deleted: nothing is left to do."""


class PatchRefused(msgspec.Struct, frozen=True):
    """The change cannot be made; the record is set aside with this reason."""

    reason: DeadLetterReason
    detail: str


PatchOutcome = Changed | AlreadyDeleted | PatchRefused


def decide(record: IngestRecord, current: RecentEvent | None, merge: Merge) -> PatchOutcome:
    """Decide what a record of op `patch` or `delete` makes of an event. Raises codec.CodecError where its event is not readable."""
    if current is not None and current.is_number_only and record.base_version < current.version:
        return _late(record, current)
    if current is not None and (current.is_number_only or record.base_version > current.version):
        current = None
    if record.op == "delete":
        return _delete(record, current)
    return _patch(record, current, merge)


def _late(record: IngestRecord, current: RecentEvent) -> PatchOutcome:
    """Decide on a change that missed one which is too old to be known: a delete needs nothing of it, a patch does."""
    if record.op != "delete":
        return PatchRefused("patch_failed", f"version {current.version} of the event is newer than what this changes, and no longer known")
    event = msgspec.structs.replace(codec.decode_record(record.event, Event), ts=current.ts)
    return Changed(_next(event, record, current.version + 1, is_deleted=True))


def _delete(record: IngestRecord, current: RecentEvent | None) -> PatchOutcome:
    if current is None:
        event = codec.decode_record(record.event, Event)
        return Changed(_next(event, record, record.base_version + 1, is_deleted=True))
    if current.is_deleted:
        return AlreadyDeleted()
    event = codec.decode_record(current.event, Event)
    return Changed(_next(event, record, current.version + 1, is_deleted=True))


def _patch(record: IngestRecord, current: RecentEvent | None, merge: Merge) -> PatchOutcome:
    if current is not None and current.is_deleted:
        return PatchRefused("event_deleted", f"version {current.version} deleted the event")
    if current is None:
        after = _next(codec.decode_record(record.event, Event), record, record.base_version + 1)
        old = after if record.base_ts < 0 else msgspec.structs.replace(after, ts=record.base_ts)
        return _add_tombstone(old, after)
    newest = codec.decode_record(current.event, Event)
    if record.base_version == current.version:
        return _add_tombstone(newest, _next(codec.decode_record(record.event, Event), record, current.version + 1))
    try:
        after = merge(newest, record.patch)
    except ValueError as error:
        return PatchRefused("patch_failed", str(error))
    return _add_tombstone(newest, _next(after, record, current.version + 1))


def _next(event: Event, record: IngestRecord, version: int, *, is_deleted: bool = False) -> Event:
    return msgspec.structs.replace(event, version=version, updated_ts=record.ingest_ts, is_deleted=is_deleted)


def _add_tombstone(old: Event, new: Event) -> Changed:
    """Add the tombstone at the old time: a table sorted by time holds the two as different rows."""
    if old.ts == new.ts:
        return Changed(new)
    return Changed(new, msgspec.structs.replace(old, version=new.version, updated_ts=new.updated_ts, is_deleted=True))
