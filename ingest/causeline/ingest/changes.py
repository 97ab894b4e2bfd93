"""Writes of events that live on: the record that makes a new event, its next version, or its tombstone. Pure; one way for all dialects.

A repeated create with the same `Idempotency-Key` answers with the same id, and by the server that acknowledged the first one as that one
was; a repeated patch answers with the merge it asks for, and the processors drop it; a repeated delete is "not found", as any delete
of what is gone. Another content under the key is refused by a server that knows of the first one, else set aside by the processors.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from causeline.ingest.idempotency import HEADER, fingerprint_of_patch
from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.wire import codec


class Change(NamedTuple):
    """A write: the event as it will be, and the record that makes it so."""

    event: Event
    record: IngestRecord

    @property
    def records(self) -> tuple[IngestRecord]:
        """Return the one record."""
        return (self.record,)

    def key_field(self, _position: int) -> str:
        """Return what gave the record its key."""
        return HEADER


def create_event(dialect: Dialect, event: Event, *, fingerprint: int) -> Change:
    """Return the write of a new event of an API; `fingerprint` is that of its content, 0 where its id is no key's."""
    record = IngestRecord(
        op="create",
        tenant=event.tenant,
        id=event.id,
        record_id=event.id,
        ingest_ts=event.ingest_ts,
        dedup_key=event.id if fingerprint else "",
        fingerprint=fingerprint,
        correlation_id=event.id if event.kind == PROBLEM_KIND else "",
        signal=dialect.signal_of(event),
        event=codec.encode_record(event),
    )
    return Change(event, record)


def patch_event(
    dialect: Dialect,
    current: Event,
    patch: Mapping[str, Any],
    *,
    key: str,
    now: int,
    record_id: str,
    content: Mapping[str, Any] | None = None,
) -> Change:
    """Return the next version of the current event under a patch. `now` (ms UTC) is the arrival, `record_id` a new id.

    `content` is what a repeat must say again, the patch where it is None: a dialect may add to the patch what the client did not send.
    """
    text = msgspec.json.encode(patch)
    event = msgspec.structs.replace(dialect.apply_patch(current, text), updated_ts=now)
    signal = dialect.signal_of(event)
    record = IngestRecord(
        op="patch",
        tenant=current.tenant,
        id=current.id,
        record_id=record_id,
        ingest_ts=now,
        dedup_key=ids.uuid5(current.tenant, "PUT", current.id, key) if key else "",
        fingerprint=fingerprint_of_patch(patch if content is None else content) if key else 0,
        base_version=current.version,
        base_ts=current.ts,
        patch=text.decode(),
        # Also when the patch takes the incident away: its problem is still known by this id.
        correlation_id=current.id if PROBLEM_KIND in (current.kind, event.kind) else "",
        # That an incident is over is said once: a later change of it must not tell of it as of another one.
        signal="" if signal == "close" == dialect.signal_of(current) else signal,
        event=codec.encode_record(event),
        base_service=current.service if current.service != event.service else "",
    )
    return Change(event, record)


def delete_event(current: Event, *, key: str, now: int, record_id: str, correlation_id: str = "") -> Change:
    """Return the tombstone of the current event. `now` (ms UTC) is the arrival, `record_id` a new id.

    `correlation_id` is that of the problem which an incident speaks of, where it is not the event's own id.
    """
    event = msgspec.structs.replace(current, version=current.version + 1, is_deleted=True, updated_ts=now)
    record = IngestRecord(
        op="delete",
        tenant=current.tenant,
        id=current.id,
        record_id=record_id,
        ingest_ts=now,
        dedup_key=ids.uuid5(current.tenant, "DELETE", current.id, key) if key else "",
        fingerprint=fingerprint_of_patch({}) if key else 0,
        base_version=current.version,
        base_ts=current.ts,
        correlation_id=(correlation_id or current.id) if current.kind == PROBLEM_KIND else "",
        event=codec.encode_record(event),
    )
    return Change(event, record)
