"""CTO.ai's write: bytes in, the event that will be and its ingest record out. Pure: time and ids come in as arguments.

The document names the events and actions of a delivery lifecycle and welcomes custom ones, so only `team_id` and `event_name` are
required, and everything else is free and kept. A request names neither an id nor, normally, a time: the event gets a server id and the time
of its arrival.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from causeline.ingest.bodies.strict_json import json_object
from causeline.ingest.idempotency import HEADER, fingerprint_of, id_of_key
from causeline.schemas.dialects.cto_ai import mapping as cto_ai
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values.times import epoch_ms, event_time
from causeline.schemas.web.errors import FieldError, Invalid
from causeline.schemas.wire import codec

REQUIRED: Final = ("team_id", "event_name")
_ESCAPE: Final = b"\\u"


class CtoAiWrite(NamedTuple):
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


def is_own_body(body: bytes) -> bool:
    """Say whether a body on a path shared with another API is CTO.ai's: it has `event_name` and no `eventType`."""
    if b"event_name" not in body and _ESCAPE not in body:
        return False
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return b'"event_name"' in body and b'"eventType"' not in body
    return isinstance(document, dict) and "event_name" in document and "eventType" not in document


def create(body: bytes, *, tenant: str, key: str, now: int, new_id: Callable[[int], str]) -> CtoAiWrite:
    """Return the new event of a POST (CTO.ai, "Workflow Events"); `now` is its arrival (ms UTC). Raises Malformed or Invalid."""
    text, raw = json_object(body)
    ts = _valid_time(raw, now)
    event_id = id_of_key(tenant, CTO_AI.name, key) if key else new_id(ts)
    event = Event(
        tenant=tenant,
        id=event_id,
        dialect=CTO_AI.name,
        ts=ts,
        ingest_ts=now,
        updated_ts=now,
        raw=text,
        **cto_ai.columns(raw),
    )
    meaning = cto_ai.meaning_of(event)
    record = IngestRecord(
        op="create",
        tenant=tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=now,
        dedup_key=event_id if key else "",
        fingerprint=fingerprint_of(_normalize_content(raw, ts)) if key else 0,
        correlation_id=cto_ai.correlation_id_of(event, meaning) if meaning else "",
        signal=meaning.signal if meaning else "",
        event=codec.encode_record(event),
    )
    return CtoAiWrite(event, record)


def _normalize_content(raw: Mapping[str, Any], ts: int) -> dict[str, Any]:
    """Return the content that a repeat must say again: name and action folded, scalars as text, a time that was sent as ms."""
    content = {name: cto_ai.text_or_empty(value) if isinstance(value, bool | int | float) else value for name, value in raw.items()}
    names = {name: (raw.get(name) or "").strip().lower() or None for name in ("event_name", "event_action")}
    return {**content, **names, "timestamp": None if raw.get("timestamp") in {None, ""} else ts}


def _valid_time(raw: Mapping[str, Any], now: int) -> int:
    """Return the event's time. Raises Invalid that names every field that breaks a rule."""
    errors = [FieldError(name, "must be a string that is not blank") for name in REQUIRED if not _says_something(raw.get(name))]
    if not isinstance(raw.get("event_action", ""), str | None):
        errors.append(FieldError("event_action", "must be a string"))
    ts = now
    try:
        ts = _time(raw.get("timestamp"), now)
    except ValueError as error:
        errors.append(FieldError("timestamp", str(error)))
    if errors:
        raise Invalid("; ".join(f"{field} {message}" for field, message in errors), tuple(errors))
    return ts


def _says_something(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _time(value: Any, now: int) -> int:
    """Return the time that was sent, as ISO 8601 or in milliseconds, else the arrival. Raises ValueError."""
    if value is None or value == "":
        return now
    if isinstance(value, str):
        return event_time(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be an ISO 8601 time or milliseconds since the epoch")  # noqa: TRY004 - one error for all that is no time
    return epoch_ms(value)
