"""The native API's `POST /v1/events`: bytes to items, items to records, outcomes to an answer. Pure; time and new ids come in.

One object is answered with the event, several with one result for each: what is valid is stored, what is not says which fields
are wrong. The text of an item is kept as it was sent, unknown fields included.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from causeline.ingest.bodies.fast_json import item_object
from causeline.ingest.bodies.items import One, Several, too_large
from causeline.ingest.dialects.native.body import BrokenRules, Scalar, validate_item
from causeline.ingest.dialects.native.one_pass import columns_at_once
from causeline.ingest.idempotency import HEADER, fingerprint_of, fingerprint_of_request, id_of_key, item_id
from causeline.schemas.dialects.native.dialect import NATIVE, native_signal
from causeline.schemas.dialects.native.views import new_view
from causeline.schemas.records.event import PROBLEM_KIND
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.values.commits import COMMITS, columns_of_commits
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, Invalid, Malformed, TooLarge
from causeline.schemas.web.http import MAX_BODY
from causeline.schemas.wire.codec import NewEventCodec

KEY_FIELD: Final = "idempotency_key"
_NO_COLUMNS: Final = frozenset({KEY_FIELD, "correlation_id", "files"})


class ItemArrival(NamedTuple):
    """What an item cannot say of itself: whose it is, when it came (ms UTC), and where new ids (of a time) come from."""

    tenant: str
    now: int
    new_id: Callable[[int], str]


class NativeWrite(msgspec.Struct, frozen=True):
    """What a single event becomes: its record, the document that answers, and the field or the header that has its key."""

    record: IngestRecord
    document: msgspec.Struct
    key_name: str

    @property
    def records(self) -> tuple[IngestRecord]:
        """Return the one record."""
        return (self.record,)

    def key_field(self, _position: int) -> str:
        """Return what gave the event its key."""
        return self.key_name


class Rejected(NamedTuple):
    """An item that will not; `reason` is the label of the metric that counts it."""

    reason: str
    errors: tuple[FieldError, ...]


ItemOutcome = IngestRecord | Rejected


def record_one(request: One, arrival: ItemArrival, key: str) -> NativeWrite:
    """Return the record of a single event; `key` is that of the request. Raises Malformed or Invalid (with its fields)."""
    try:
        item = _item(request.raw, columns_at_once(request.raw), arrival, key, None)
    except BrokenRules as error:
        raise Invalid(str(error), error.errors) from error
    value = _codec(arrival.tenant, arrival.now).encode(item.id, item.ts, item.columns, item.raw)
    record = _record(item, arrival, value)
    if item.key and key:
        record = _of_request(record, arrival, key, 0, fingerprint_of_request([(item.key, item.fingerprint)]))
    return NativeWrite(record, _document(item, arrival), KEY_FIELD if item.key else HEADER)


def record_several(request: Several, arrival: ItemArrival, key: str) -> list[ItemOutcome]:
    """Return an outcome for each item, in order; `key` is that of the request as a whole."""
    codec = _codec(arrival.tenant, arrival.now)
    if key:
        return _of_one_key(request, arrival, key, codec)
    outcomes: list[ItemOutcome] = []
    for raw in request.raw:
        columns = _bounded_columns(raw)
        if columns is not None and _is_plain(columns):
            outcomes.append(_plain_record(raw, columns, arrival, codec))
            continue
        item = _judge(raw, columns, arrival, "", None)
        outcomes.append(
            item if isinstance(item, Rejected) else _record(item, arrival, codec.encode(item.id, item.ts, item.columns, item.raw))
        )
    return outcomes


def _bounded_columns(raw: bytes) -> dict[str, Any] | None:
    """Return the columns of an item that may be as long as it is, read at once; None where that is in doubt."""
    return columns_at_once(raw) if len(raw) <= MAX_BODY else None


def _is_plain(columns: dict[str, Any]) -> bool:
    """Say whether an item has no key and says nothing of a problem, as most do."""
    return KEY_FIELD not in columns and columns["kind"] != PROBLEM_KIND


def _plain_record(raw: bytes, columns: dict[str, Any], arrival: ItemArrival, codec: NewEventCodec) -> IngestRecord:
    """Return what `_record` returns for a plain item, without the steps that decide nothing for it."""
    ts = columns.get("ts", arrival.now)
    event_id = arrival.new_id(ts)
    event = codec.encode(event_id, ts, columns, raw)
    return IngestRecord(op="create", tenant=arrival.tenant, id=event_id, record_id=event_id, ingest_ts=arrival.now, event=event)


def _of_one_key(request: Several, arrival: ItemArrival, key: str, codec: NewEventCodec) -> list[ItemOutcome]:
    items = [_judge(raw, _bounded_columns(raw), arrival, key, position) for position, raw in enumerate(request.raw)]
    fingerprints = [
        ("", ids.fingerprint(raw)) if isinstance(item, Rejected) else (item.key, item.fingerprint)
        for raw, item in zip(request.raw, items, strict=True)
    ]
    whole = fingerprint_of_request(fingerprints)
    outcomes: list[ItemOutcome] = []
    for position, item in enumerate(items):
        if isinstance(item, Rejected):
            outcomes.append(item)
            continue
        record = _record(item, arrival, codec.encode(item.id, item.ts, item.columns, item.raw))
        outcomes.append(_of_request(record, arrival, key, position, whole))
    return outcomes


def _of_request(record: IngestRecord, arrival: ItemArrival, key: str, position: int, fingerprint: int) -> IngestRecord:
    whole = id_of_key(arrival.tenant, NATIVE.name, key)
    return msgspec.structs.replace(record, request_key=whole, request_fingerprint=fingerprint, position=position)


def _judge(raw: bytes, at_once: dict[str, Any] | None, arrival: ItemArrival, key: str, position: int | None) -> "_Item | Rejected":
    if len(raw) > MAX_BODY:
        return Rejected(TooLarge.reason, (FieldError("", too_large(raw)),))
    try:
        return _item(raw, at_once, arrival, key, position)
    except BrokenRules as error:
        return Rejected(Invalid.reason, error.errors)
    except Malformed as error:
        return Rejected(Malformed.reason, (FieldError("", error.message),))


@lru_cache(maxsize=64)
def _codec(tenant: str, now: int) -> NewEventCodec:
    return NewEventCodec(tenant, NATIVE.name, now)  # under load a dozen requests arrive in one millisecond


class _Item(msgspec.Struct):
    """A valid item: its id and time, the columns that it fills by name, and what decides about a repeat (empty and 0 without a key).

    `key` is the one that it names itself, `dedup_key` that by which it alone is remembered.
    """

    raw: bytes
    id: str
    ts: int
    columns: dict[str, Any]
    key: str = ""
    dedup_key: str = ""
    fingerprint: int = 0


def _item(raw: bytes, at_once: dict[str, Any] | None, arrival: ItemArrival, request_key: str, position: int | None) -> _Item:
    """Return a valid item, whose columns may have been read at once; `position` is where it stands in a request whose key is of several."""
    columns, content = columns_exactly(raw) if at_once is None else (at_once, at_once)
    own_key = columns.get(KEY_FIELD) or ""
    ts = columns.get("ts", arrival.now)
    if not (own_key or request_key):
        return _Item(raw, arrival.new_id(ts), ts, columns)
    key = own_key if own_key != request_key else ""  # an item's key that is the request's says nothing beside it
    fingerprint = _fingerprint(content, columns)
    if position is not None and not key:
        return _Item(raw, item_id(arrival.tenant, NATIVE.name, request_key, position), ts, columns, "", "", fingerprint)
    event_id = id_of_key(arrival.tenant, NATIVE.name, key or request_key)
    return _Item(raw, event_id, ts, columns, key, event_id, fingerprint)


def columns_exactly(raw: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns that an item fills, and the object that it is: null is the same as absent, values of tags are text.

    Raises Malformed or BrokenRules: what is refused, and in which words, is decided here.
    """
    content = item_object(raw)
    columns: dict[str, Any] = {**validate_item(content)}
    if None in columns.values():
        columns = {name: value for name, value in columns.items() if value is not None}
    if tags := columns.get("tags"):
        columns["tags"] = {name: _text(value) for name, value in tags.items() if value is not None}
    if COMMITS in columns:
        columns |= columns_of_commits(columns[COMMITS])
    if links := columns.get("links"):
        columns["links"] = {name: target for name, target in links.items() if target is not None}
    return columns, content


def _record(item: _Item, arrival: ItemArrival, event: bytes) -> IngestRecord:
    columns = item.columns
    problem = columns["kind"] == PROBLEM_KIND
    return IngestRecord(
        op="create",
        tenant=arrival.tenant,
        id=item.id,
        record_id=item.id,
        ingest_ts=arrival.now,
        dedup_key=item.dedup_key,
        fingerprint=item.fingerprint,
        correlation_id=native_correlation_id(arrival.tenant, item.columns.get("correlation_id"), item.id) if problem else "",
        signal=native_signal(columns["kind"], columns.get("status", ""), columns.get("end")),
        event=event,
    )


def _document(item: _Item, arrival: ItemArrival) -> msgspec.Struct:
    columns = item.columns
    if not _NO_COLUMNS.isdisjoint(columns):
        columns = {name: value for name, value in columns.items() if name not in _NO_COLUMNS}
    return new_view(_common(arrival.tenant, arrival.now), item.id, item.ts, columns, item.raw)


@lru_cache(maxsize=64)
def _common(tenant: str, now: int) -> dict[str, str]:
    arrival = rfc3339(now)
    return {"tenant": tenant, "dialect": NATIVE.name, "ingest_ts": arrival, "updated_ts": arrival}


def _text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _fingerprint(content: Mapping[str, Any], columns: Mapping[str, Any]) -> int:
    """Return a hash of what an item says, as it is stored, wherever its key stands."""
    return fingerprint_of({**content, **columns, KEY_FIELD: None}, "tags", "links")


def native_correlation_id(tenant: str, client_id: object, event_id: str) -> str:
    """Return what the incident events of one problem share: the id that a client names, apart for each tenant, else the event's own."""
    return ids.uuid5(tenant, "native correlation", str(client_id)) if client_id else event_id


class _AcceptedResult(msgspec.Struct, tag_field="status", tag="accepted"):
    id: str


class _RejectedResult(msgspec.Struct, tag_field="status", tag="rejected"):
    errors: list[dict[str, str]]


def results(outcomes: Sequence[ItemOutcome]) -> dict[str, Any]:
    """Return the body that answers several items (native API, `POST /v1/events`)."""
    documents = [_result(outcome) for outcome in outcomes]
    accepted = sum(isinstance(outcome, IngestRecord) for outcome in outcomes)
    return {"accepted": accepted, "rejected": len(documents) - accepted, "results": documents}


def _result(outcome: ItemOutcome) -> _AcceptedResult | _RejectedResult:
    if isinstance(outcome, IngestRecord):
        return _AcceptedResult(outcome.id)
    return _RejectedResult([{"field": error.field, "message": error.message} for error in outcome.errors])
