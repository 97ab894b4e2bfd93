"""What a webhook is told: one JSON object whose shape is a contract with receivers (docs/subscriptions.md shows it)."""

from typing import Any, Final
from urllib.parse import quote

import msgspec

from causeline.processors.workers.cause_summaries import CauseSummary, summary_view
from causeline.schemas.dialects.native.cause_views import snapshot_view
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery_work import Attempt
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address
from causeline.schemas.wire import codec

VERSION: Final = 1
"""Of the payload. A field more does not change it; a field that is gone or means something else would."""

NotifiedRecord = Event | Problem | CauseRevision | None
"""What an attempt is about; None is a test."""


def notified_record(attempt: Attempt) -> NotifiedRecord:
    """Return the record of an attempt. Raises CodecError where it cannot be read."""
    if attempt.what == "event":
        return codec.decode_record(attempt.record, Event)
    if attempt.what == "problem":
        return codec.decode_record(attempt.record, Problem)
    if attempt.what == "causes":
        return codec.decode_record(attempt.record, CauseRevision)
    return None


def payload(record: NotifiedRecord, rule: Rule, received_at: int, causes: CauseSummary | None = None, address: str = "") -> dict[str, Any]:
    """Return the payload; `received_at` (ms UTC) is the time of a test, `causes` what is known of those of a problem.

    `data` is what the native API shows of the event, the problem or the ranking; `raw` of an event is msgspec.Raw, the client's own JSON.
    Causes that were not known in time are not told later: who wants them asks at `causes_url`, below the server's `address`. `url` is the
    page on which people read of it; a test has none.
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
            "url": None if record.is_deleted else page_address(EVENT_PAGE, record.id, address),
        }
    if isinstance(record, Problem):
        kind = f"problem.{record.transition}"
        return {
            "type": kind,
            "version": VERSION,
            "timestamp": rfc3339(record.at),
            "subscription": subscription,
            "data": problem_view(record),
            "url": None if record.is_deleted else page_address(PROBLEM_PAGE, record.id, address),
            "causes": summary_view(causes),
            "causes_url": None if record.is_deleted else f"{address}/v1/problems/{quote(record.id, safe='')}/causes",
        }
    if isinstance(record, CauseRevision):
        return {
            "type": f"causes.{record.verdict}",
            "version": VERSION,
            "timestamp": rfc3339(record.computed_at),
            "subscription": subscription,
            "data": snapshot_view(record),
            "url": page_address(PROBLEM_PAGE, record.id, address),
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
