"""What a webhook is told: one JSON object whose shape is a contract with receivers (docs/subscriptions.md shows it)."""

from typing import Any, Final

import msgspec

from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.records.delivery_work import Attempt
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.values.times import rfc3339
from causeline.schemas.wire import codec

VERSION: Final = 1
"""Of the payload. A field more does not change it; a field that is gone or means something else would."""

NotifiedRecord = Event | Problem | None
"""What an attempt is about; None is a test."""


def notified_record(attempt: Attempt) -> NotifiedRecord:
    """Return the record of an attempt. Raises CodecError where it cannot be read."""
    if attempt.what == "event":
        return codec.decode_record(attempt.record, Event)
    if attempt.what == "problem":
        return codec.decode_record(attempt.record, Problem)
    return None


def payload(record: NotifiedRecord, rule: Rule, received_at: int) -> dict[str, Any]:
    """Return the payload; `received_at` (ms UTC) is the time of a test.

    `data` is what the native API shows of the event or problem; `raw` of an event is msgspec.Raw, the client's own JSON.
    """
    subscription = {"id": rule.id, "name": rule.name}
    if isinstance(record, Event):
        at = record.ts if record.version == 1 else record.updated_ts
        return {
            "type": event_type(record),
            "version": VERSION,
            "timestamp": rfc3339(at),
            "subscription": subscription,
            "data": view(record),
        }
    if isinstance(record, Problem):
        kind = f"problem.{record.transition}"
        return {
            "type": kind,
            "version": VERSION,
            "timestamp": rfc3339(record.at),
            "subscription": subscription,
            "data": problem_view(record),
        }
    data = {"message": "This is a test of the subscription."}
    return {"type": "test", "version": VERSION, "timestamp": rfc3339(received_at), "subscription": subscription, "data": data}


def event_type(event: Event) -> str:
    """Return what happened to an event: `event.created`, `event.updated` or `event.deleted`."""
    if event.is_deleted:
        return "event.deleted"
    return "event.created" if event.version == 1 else "event.updated"


def json_body(document: dict[str, Any]) -> bytes:
    """Return the payload as JSON."""
    return msgspec.json.encode(document)


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Return the payload as a template sees it: the client's own JSON decoded."""
    plain_document: dict[str, Any] = msgspec.json.decode(json_body(document))
    return plain_document
