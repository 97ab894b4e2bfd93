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
    """The next version of the event; `tombstone` is that of its old time, under its old service, where the event time changed.

    Where only the service changed there is no tombstone: the event names its `previous_service`, and what is sorted by service makes one.
    """

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
    event = codec.decode_record(record.event, Event)
    service = event.service if current.service is None else current.service
    event = msgspec.structs.replace(event, ts=current.ts, service=service)
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
        return _supersede(_base_of(record, after), after)
    newest = codec.decode_record(current.event, Event)
    if record.base_version == current.version:
        return _supersede(newest, _next(codec.decode_record(record.event, Event), record, current.version + 1))
    try:
        after = merge(newest, record.patch)
    except ValueError as error:
        return PatchRefused("patch_failed", str(error))
    return _supersede(newest, _next(after, record, current.version + 1))


def _next(event: Event, record: IngestRecord, version: int, *, is_deleted: bool = False) -> Event:
    return msgspec.structs.replace(event, version=version, updated_ts=record.ingest_ts, is_deleted=is_deleted, previous_service="")


def _base_of(record: IngestRecord, after: Event) -> Event:
    """Return what a patch was merged into, as far as it says where that lies.

    A record that names no service did not change it, or gave one to an event without: no row under a service is left by that.
    """
    ts = after.ts if record.base_ts < 0 else record.base_ts
    return msgspec.structs.replace(after, ts=ts, service=record.base_service or after.service)


def _supersede(old: Event, new: Event) -> Changed:
    """Say where the row was: tables sorted by time or service hold the two as different rows, so the old one needs a tombstone.

    The one at the old time lies under the old service too, so of an event that changes both nothing is left under any mix of them.
    """
    event = msgspec.structs.replace(new, previous_service=old.service) if old.service != new.service else new
    if old.ts == new.ts:
        return Changed(event)
    update = {"version": new.version, "updated_ts": new.updated_ts, "is_deleted": True, "previous_service": ""}
    return Changed(event, msgspec.structs.replace(old, **update))
