"""The native API's `POST /v1/events`: bytes to items, items to records, outcomes to an answer. Pure; time and new ids come in.

One object is answered with the event, several with one result for each: what is valid is stored, what is not says which fields
are wrong. The text of an item is kept as it was sent, unknown fields included.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from causeline.ingest.dialects.native_json import item_object
from causeline.ingest.dialects.native_model import BrokenRules, NativeEvent, Scalar, validated
from causeline.schemas import ids
from causeline.schemas.codec import encode
from causeline.schemas.errors import FieldError, Invalid, Malformed, TooLarge
from causeline.schemas.event import PROBLEM_KIND, Event
from causeline.schemas.http import MAX_BODY
from causeline.schemas.records import IngestRecord
from causeline.schemas.signals import signal_of

NDJSON: Final = "application/x-ndjson"
MAX_ITEMS: Final = 10_000
_BOM: Final = b"\xef\xbb\xbf"
_WHITESPACE: Final = b" \t\r\n"
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class One(NamedTuple):
    """A request with one object: answered with the event."""

    raw: bytes


class Several(NamedTuple):
    """A request with an array or lines: answered with a result for each item, in the order sent."""

    raw: list[bytes]


class Arrival(NamedTuple):
    """What an item cannot say of itself: whose it is, when it came (ms UTC), and where new ids (of a time) come from."""

    tenant: str
    now: int
    new_id: Callable[[int], str]


class Accepted(NamedTuple):
    """An item that will be stored."""

    record: IngestRecord
    event: Event


class Rejected(NamedTuple):
    """An item that will not; `reason` is the label of the metric that counts it."""

    reason: str
    errors: tuple[FieldError, ...]


Outcome = Accepted | Rejected


def split(body: bytes, content_type: str) -> One | Several:
    """Return the items of a body. Raises Malformed where it is neither an object nor an array, TooLarge beyond the bounds."""
    text = body.removeprefix(_BOM).strip(_WHITESPACE)
    if content_type == NDJSON:
        return _bounded([line for line in (line.strip(_WHITESPACE) for line in text.split(b"\n")) if line])
    if text[:1] == b"[":
        return _bounded(_elements(text))
    if text[:1] != b"{":
        raise Malformed("the body is neither a JSON object nor an array of objects")
    if len(text) > MAX_BODY:
        raise TooLarge(_too_large(text))
    return One(text)


def _elements(text: bytes) -> list[bytes]:
    try:
        return [bytes(element) for element in _ITEMS.decode(text)]
    except RecursionError as error:
        raise Malformed("the body is nested too deeply") from error
    except ValueError as error:
        raise Malformed(f"the body is not a JSON array: {error}") from error


def _bounded(items: list[bytes]) -> Several:
    if len(items) > MAX_ITEMS:
        raise TooLarge(f"the request holds {len(items)} events, at most {MAX_ITEMS} are accepted")
    return Several(items)


def _too_large(raw: bytes) -> str:
    return f"the event has {len(raw)} bytes, at most {MAX_BODY} are accepted"


def one(request: One, arrival: Arrival, key: str) -> Accepted:
    """Return the record of a single event. Raises Malformed or Invalid (with its fields)."""
    try:
        return _accepted(request.raw, arrival, key)
    except BrokenRules as error:
        raise Invalid(str(error), error.errors) from error


def several(request: Several, arrival: Arrival, key: str) -> list[Outcome]:
    """Return an outcome for each item, in order. The key of the request gives item `i` (from 0) the key `<key>#<i>`."""
    return [_outcome(raw, arrival, f"{key}#{i}" if key else "") for i, raw in enumerate(request.raw)]


def _outcome(raw: bytes, arrival: Arrival, key: str) -> Outcome:
    if len(raw) > MAX_BODY:
        return Rejected(TooLarge.reason, (FieldError("", _too_large(raw)),))
    try:
        return _accepted(raw, arrival, key)
    except BrokenRules as error:
        return Rejected(Invalid.reason, error.errors)
    except Malformed as error:
        return Rejected(Malformed.reason, (FieldError("", error.message),))


def _accepted(raw: bytes, arrival: Arrival, request_key: str) -> Accepted:
    content = item_object(raw)
    item = validated(content)
    key = item.get("idempotency_key") or request_key
    ts = item.get("ts")
    ts = arrival.now if ts is None else ts
    event_id = ids.keyed(arrival.tenant, key) if key else arrival.new_id(ts)
    event = _event(item, raw, arrival, event_id, ts)
    return Accepted(
        IngestRecord(
            op="create",
            tenant=arrival.tenant,
            id=event_id,
            record_id=event_id,
            ingest_ts=arrival.now,
            dedup_key=event_id if key else "",
            fingerprint=_fingerprint(content) if key else 0,
            correlation_id=_correlation_id(item, event),
            signal=signal_of(event),
            event=encode(event),
        ),
        event,
    )


def _event(item: NativeEvent, raw: bytes, arrival: Arrival, event_id: str, ts: int) -> Event:
    tags, links = item.get("tags"), item.get("links")
    return Event(
        tenant=arrival.tenant,
        id=event_id,
        dialect="native",
        kind=item["kind"],
        status=item.get("status") or "",
        ts=ts,
        start=item.get("start"),
        end=item.get("end"),
        ingest_ts=arrival.now,
        updated_ts=arrival.now,
        service=item.get("service") or "",
        environment=item.get("environment") or "",
        priority=item.get("priority") or "",
        severity=item.get("severity") or "",
        title=item["title"],
        text=item.get("text") or "",
        source=item.get("source") or "",
        owner=item.get("owner") or "",
        actor=item.get("actor") or "",
        commit=item.get("commit") or "",
        repo=item.get("repo") or "",
        branch=item.get("branch") or "",
        team=item.get("team") or "",
        project=item.get("project") or "",
        application=item.get("application") or "",
        release=item.get("release") or "",
        tags={name: _text(value) for name, value in tags.items() if value is not None} if tags else {},
        entities=item.get("entities") or [],
        links={name: target for name, target in links.items() if target is not None} if links else {},
        related_id=item.get("related_id") or "",
        allowed_groups=item.get("allowed_groups") or [],
        raw=raw.decode(),
    )


def _text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _fingerprint(content: dict[str, Any]) -> int:
    """Return a hash of what an item says, whatever the order of its keys and wherever its key stands."""
    said = {name: value for name, value in content.items() if name != "idempotency_key"}
    return ids.fingerprint(msgspec.json.encode(said, order="sorted"))


def _correlation_id(item: NativeEvent, event: Event) -> str:
    """Return what the incident events of one problem share: the id a client names, apart for each tenant, else the event's own."""
    if event.kind != PROBLEM_KIND:
        return ""
    named = item.get("correlation_id")
    return ids.keyed(event.tenant, "native correlation", named) if named else event.id


def results(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the body that answers several items (native API, `POST /v1/events`)."""
    shown = [_result(outcome) for outcome in outcomes]
    accepted = sum(1 for outcome in outcomes if isinstance(outcome, Accepted))
    return {"accepted": accepted, "rejected": len(shown) - accepted, "results": shown}


def _result(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        return {"status": "accepted", "id": outcome.event.id}
    return {"status": "rejected", "errors": [{"field": error.field, "message": error.message} for error in outcome.errors]}
