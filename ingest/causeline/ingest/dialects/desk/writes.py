"""The writing side of the DESK Events API v1: the bytes of one push become one record for every target, and the ids of the answer.

    bytes ─ desk_json ─ desk_payload (elements, attach) ─ desk_times ─ desk_targets ─ records

Information-only events are new events with new ids. Problem-opening ones are pushes: the processors open, refresh and time out
the problem, and what the client gets back, the correlation id, is a pure function of environment, target and canonical payload.
So ingest needs no state, and equal payloads get equal ids however many servers they arrive at.

With an Idempotency-Key (not in the document) the ids of information-only events come from the key: a retry gets the same
`storedEventIds`. Without an explicit `start` its `storedIds` end in the time of the retry where it came to another server than the
first one; the first event stays as it was stored, and the reading side finds it by either.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from causeline.ingest.dialects.desk.body import DeskRules, Payload, payload_of
from causeline.ingest.dialects.desk.columns import columns, raw_of
from causeline.ingest.dialects.desk.json_text import canonical_json, decode_json
from causeline.ingest.dialects.desk.targets import EntityTarget, targets_of
from causeline.ingest.dialects.desk.times import Times, times_of
from causeline.ingest.idempotency import HEADER, id_of_key, item_id
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.desk.vocabulary import stored_id
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Invalid, TooLarge
from causeline.schemas.wire import codec

_HEX_DIGITS: Final = 16
_MAX_STORED: Final = 16 << 20
"""Bytes that one push may store: a payload of 1 MiB for 1,000 targets would otherwise take a gigabyte of a server's memory. A column
repeats at most twice what `raw` holds, so such a push stays under the 64 MiB that may wait for the broker."""


class Push(NamedTuple):
    """A push that was read and found good, except for `times.too_old` where that is set."""

    tenant: str
    received_at: int
    payload: Payload
    times: Times
    targets: list[EntityTarget]
    canonical: bytes

    def correlation_id(self, target: EntityTarget) -> str:
        """Return 16 hexadecimal digits that stand for "the same payload" to this target of this environment."""
        key = canonical_json([self.tenant, target.id]) + self.canonical
        return hashlib.sha256(key).hexdigest()[:_HEX_DIGITS]


class DeskWrite(NamedTuple):
    """The records of a push and the answer to it (EventStoreResult)."""

    records: list[IngestRecord]
    result: dict[str, list[Any]]

    def key_field(self, _position: int) -> str:
        """Return what gave the records their key."""
        return HEADER


def read_push(body: bytes, tenant: str, received_at: int, rules: DeskRules) -> Push:
    """Return the push. Raises Malformed or Invalid in the order: syntax, types, missing elements, limits, targets."""
    payload = payload_of(decode_json(body), rules)
    times = times_of(payload, received_at)
    try:
        targets = targets_of(payload.attach, tenant, rules.entities)
    except Invalid as error:
        raise (times.too_old or error) from None
    same = canonical_json({"eventType": payload.name, **payload.elements})
    if len(same) * len(targets) > _MAX_STORED:
        raise TooLarge(f"{len(targets)} entities match: the event is too large to be stored for each")
    return Push(tenant, received_at, payload, times, targets, same)


def with_arrival(push: Push, at: int) -> Push:
    """Return the same push as it was received at another time (ms UTC) than it was read for."""
    return push if at == push.received_at else push._replace(received_at=at, times=times_of(push.payload, at))


def store(push: Push, new_id: Callable[[int], str], key: str) -> DeskWrite:
    """Return what is to be written: all of it or nothing. `key` is the idempotency key, '' without one."""
    opens = push.payload.type.opens_problem
    keys = _keys(push, key)
    records = [(_signal if opens else _event)(push, target, new_id, own) for target, own in zip(push.targets, keys, strict=True)]
    events = [] if opens else records
    return DeskWrite(
        records,
        {
            "storedEventIds": [ids.signed_low(record.id) for record in events],
            "storedIds": [stored_id(record.id, push.times.start) for record in events],
            "storedCorrelationIds": [record.correlation_id for record in records] if opens else [],
        },
    )


class _Keys(NamedTuple):
    """What a key says of one target's record: the id of an information-only event ('': a new one), and members of the record."""

    event_id: str
    members: dict[str, Any]


def _keys(push: Push, key: str) -> list[_Keys]:
    """Return the keys by target: the request's own where there is one target, else that of the request and a place in it."""
    if not key:
        return [_Keys("", {})] * len(push.targets)
    tenant = push.tenant
    whole, fingerprint = id_of_key(tenant, DESK.name, key), _fingerprint(push)
    if len(push.targets) == 1:
        return [_Keys(whole, {"dedup_key": whole, "fingerprint": fingerprint})]
    request = {"request_key": whole, "request_fingerprint": fingerprint}
    return [_Keys(item_id(tenant, DESK.name, key, place), {**request, "position": place}) for place in range(len(push.targets))]


def _event(push: Push, target: EntityTarget, new_id: Callable[[int], str], keys: _Keys) -> IngestRecord:
    event_id = keys.event_id or new_id(push.times.start)
    return IngestRecord(
        op="create",
        tenant=push.tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=push.received_at,
        event=codec.encode_record(_stored_event(push, target, event_id, "")),
        **keys.members,
    )


def _signal(push: Push, target: EntityTarget, new_id: Callable[[int], str], keys: _Keys) -> IngestRecord:
    """Return the record of a problem signal; its new id becomes the id of the event and of the problem, if it opens one."""
    event_id = new_id(push.times.start)
    correlation_id = push.correlation_id(target)
    return IngestRecord(
        op="push",
        tenant=push.tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=push.received_at,
        correlation_id=correlation_id,
        timeout_ms=push.times.timeout_ms,
        event=codec.encode_record(_stored_event(push, target, event_id, correlation_id)),
        **keys.members,
    )


def _stored_event(push: Push, target: EntityTarget, event_id: str, correlation_id: str) -> Event:
    times = push.times
    return Event(
        tenant=push.tenant,
        id=event_id,
        dialect=DESK.name,
        ts=times.start,
        start=times.start,
        end=times.end,
        ingest_ts=push.received_at,
        updated_ts=push.received_at,
        deadline=push.received_at + times.timeout_ms if correlation_id else None,
        raw=raw_of(push.payload, target, correlation_id),
        **columns(push.payload, target),
    )


def _fingerprint(push: Push) -> int:
    """Hash what the client sent, not what was filled in (a retry without `start` is the same request), and every target."""
    payload = push.payload
    targets = [[target.id, sorted([tag.context, tag.key, tag.value or ""] for tag in target.tags)] for target in push.targets]
    return ids.fingerprint(canonical_json([targets, payload.start, payload.end, payload.timeout_minutes]) + push.canonical)
