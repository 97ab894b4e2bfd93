"""ApiTraffic's writes: bytes in, the event that will be and its ingest record out. Pure: time and ids come in as arguments.

What a repeat with an `Idempotency-Key` is answered with stands in `causeline.ingest.changes`.
"""

from collections.abc import Callable
from typing import Any

from causeline.ingest import changes
from causeline.ingest.bodies.models import validate
from causeline.ingest.bodies.strict_json import json_object
from causeline.ingest.changes import Change
from causeline.ingest.dialects.apitraffic.body import CreateBody, UpdateBody
from causeline.ingest.idempotency import fingerprint_of, id_of_key
from causeline.schemas.dialects.apitraffic import mapping as apitraffic
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.errors import FieldError, Invalid


def create(body: bytes, *, tenant: str, key: str, now: int, new_id: Callable[[int], str]) -> Change:
    """Return the new event of a POST (ApiTraffic, "Create Event"); `now` is its arrival. Raises Malformed or Invalid."""
    text, content = json_object(body)
    validate(CreateBody, content)
    raw = apitraffic.with_environments(content)
    columns = apitraffic.columns(raw, now)
    event_id = id_of_key(tenant, APITRAFFIC.name, key) if key else new_id(columns["ts"])
    event = Event(
        tenant=tenant,
        id=event_id,
        dialect=APITRAFFIC.name,
        ingest_ts=now,
        updated_ts=now,
        raw=text if raw == content else apitraffic.raw_text(raw),
        **columns,
    )
    _refuse_backwards(event)
    return changes.create_event(APITRAFFIC, event, fingerprint=fingerprint_of(_normalize_content(raw)) if key else 0)


def _normalize_content(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the content that a repeat must say again: all scopes where none is named, times as ms."""
    times = {name: ms_of(raw[name]) for name in ("startedAt", "endedAt") if raw.get(name) is not None}
    return {**raw, "bucketSids": raw.get("bucketSids") or [apitraffic.ALL], **times}


def patch_of(body: bytes) -> dict[str, Any]:
    """Return what a PUT asks for (ApiTraffic, "Update Event"). Raises Malformed or Invalid."""
    _, patch = json_object(body)
    validate(UpdateBody, patch)
    return patch


def update(patch: dict[str, Any], current: Event, *, key: str, now: int, record_id: str) -> Change:
    """Return the next version of the current event under a patch. Raises Invalid where it would end before it starts."""
    change = changes.patch_event(APITRAFFIC, current, patch, key=key, now=now, record_id=record_id)
    if "startedAt" in patch or "endedAt" in patch:
        _refuse_backwards(change.event)
    return change


def _refuse_backwards(event: Event) -> None:
    """Judge the times of the event as a whole: what one of them is compared with may be the arrival, or an earlier version's."""
    if event.end is not None and event.end < event.ts:
        raise Invalid("endedAt: must not be before startedAt", (FieldError("endedAt", "must not be before startedAt"),))
