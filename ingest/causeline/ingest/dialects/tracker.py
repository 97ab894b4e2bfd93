"""Tracker's writes: bytes in, the event that will be and its ingest record out. Pure: time and ids come in as arguments.

Ingest holds no state, so what it answers to a repeat is what the request says, not what the store holds. A repeated POST with the same
`Idempotency-Key` answers with the same id (the first one's content stays); a repeated PUT answers with the merge it asks for, and
the processors drop it; a repeated DELETE is 404, as any DELETE of what is gone.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from causeline.ingest.dialects.tracker_json import json_object
from causeline.ingest.dialects.tracker_models import CreateBody, UpdateBody, validate
from causeline.schemas import codec, ids, patches, signals
from causeline.schemas.dialects import tracker
from causeline.schemas.errors import Invalid
from causeline.schemas.event import PROBLEM_KIND, Event
from causeline.schemas.records import IngestRecord


class Change(NamedTuple):
    """A write: the event as it will be, and the record that makes it so."""

    event: Event
    record: IngestRecord


class Update(NamedTuple):
    """The body of a PUT: which event, and the canonical patch without the id."""

    id: str
    patch: dict[str, Any]


def _canonical(body: bytes) -> tuple[str, dict[str, Any]]:
    text, raw = json_object(body)
    try:
        return text, tracker.canonical(raw)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _fingerprint(key: str, content: Mapping[str, Any]) -> int:
    return ids.fingerprint(msgspec.json.encode(content, order="sorted")) if key else 0


def created(body: bytes, *, tenant: str, key: str, now: int, new_id: Callable[[int], str]) -> Change:
    """Return the new event of a POST (Tracker, "Create Event"); `now` is its arrival. Raises Malformed or Invalid."""
    text, raw = _canonical(body)
    validate(CreateBody, raw)
    columns = tracker.columns(raw, now)
    event_id = ids.keyed(tenant, key) if key else new_id(columns["ts"])
    event = Event(
        tenant=tenant,
        id=event_id,
        dialect="tracker",
        ingest_ts=now,
        updated_ts=now,
        raw=text,
        **columns,
    )
    record = IngestRecord(
        op="create",
        tenant=tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=now,
        dedup_key=event_id if key else "",
        fingerprint=_fingerprint(key, raw),
        correlation_id=event_id if event.kind == PROBLEM_KIND else "",
        signal=signals.signal_of(event),
        event=codec.encode(event),
    )
    return Change(event, record)


def update(body: bytes) -> Update:
    """Return what a PUT asks for (Tracker, "Update Event"). Raises Malformed or Invalid."""
    _, raw = _canonical(body)
    validate(UpdateBody, raw)
    return Update(raw.pop("id"), raw)


def updated(patch: Mapping[str, Any], current: Event, *, key: str, now: int, record_id: str) -> Change:
    """Return the next version of the current event under a patch. `now` is the arrival, `record_id` a new id."""
    text = msgspec.json.encode(patch)
    event = msgspec.structs.replace(patches.merge(current, text), updated_ts=now)
    record = IngestRecord(
        op="patch",
        tenant=current.tenant,
        id=current.id,
        record_id=record_id,
        ingest_ts=now,
        dedup_key=ids.keyed(current.tenant, "PUT", current.id, key) if key else "",
        fingerprint=_fingerprint(key, patch),
        base_version=current.version,
        base_ts=current.ts,
        patch=text.decode(),
        # Also when the patch takes the incident away: its problem is still known by this id.
        correlation_id=current.id if PROBLEM_KIND in (current.kind, event.kind) else "",
        signal=signals.signal_of(event),
        event=codec.encode(event),
    )
    return Change(event, record)


def deleted(current: Event, *, key: str, now: int, record_id: str) -> Change:
    """Return the tombstone of the current event (Tracker, "Delete Event"). `now` is the arrival, `record_id` a new id."""
    event = msgspec.structs.replace(current, version=current.version + 1, is_deleted=True, updated_ts=now)
    record = IngestRecord(
        op="delete",
        tenant=current.tenant,
        id=current.id,
        record_id=record_id,
        ingest_ts=now,
        dedup_key=ids.keyed(current.tenant, "DELETE", current.id, key) if key else "",
        fingerprint=_fingerprint(key, {}),
        base_version=current.version,
        base_ts=current.ts,
        correlation_id=current.id if current.kind == PROBLEM_KIND else "",
        event=codec.encode(event),
    )
    return Change(event, record)
