"""The writing side of the DESK Events API v1: the bytes of one push become one record for every target, and the ids of the answer.

    bytes ─ desk_json ─ desk_payload (elements, attach) ─ desk_times ─ desk_targets ─ records

Information-only events are new events with new ids. Problem-opening ones are pushes: the processors open, refresh and time out
the problem, and what the client gets back, the correlation id, is a pure function of environment, target and canonical payload.
So ingest needs no state, and equal payloads get equal ids however many servers they arrive at.

With an Idempotency-Key (not in the document) the ids of information-only events come from the key: a retry gets the same
`storedEventIds`. Without an explicit `start` its `storedIds` end in the time of the retry; the first event stays as it was stored,
and the reading side finds it by either.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from causeline.ingest.dialects.desk_columns import columns, raw_of
from causeline.ingest.dialects.desk_json import canonical, decode
from causeline.ingest.dialects.desk_payload import DeskRules, Payload, payload_of
from causeline.ingest.dialects.desk_targets import Target, targets_of
from causeline.ingest.dialects.desk_times import Times, times_of
from causeline.schemas import codec, ids
from causeline.schemas.dialects.desk import stored_id
from causeline.schemas.errors import Invalid, TooLarge
from causeline.schemas.event import Event
from causeline.schemas.records import IngestRecord

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
    targets: list[Target]
    canonical: bytes

    def correlation_id(self, target: Target) -> str:
        """Return 16 hexadecimal digits that stand for "the same payload" to this target of this environment."""
        key = canonical([self.tenant, target.id]) + self.canonical
        return hashlib.sha256(key).hexdigest()[:_HEX_DIGITS]


class Stored(NamedTuple):
    """The records of a push and the answer to it (EventStoreResult)."""

    records: list[IngestRecord]
    result: dict[str, list[Any]]


def read(body: bytes, tenant: str, received_at: int, rules: DeskRules) -> Push:
    """Return the push. Raises Malformed or Invalid in the order: syntax, types, missing elements, limits, targets."""
    payload = payload_of(decode(body), rules)
    times = times_of(payload, received_at)
    try:
        targets = targets_of(payload.attach, tenant, rules.entities)
    except Invalid as error:
        raise (times.too_old or error) from None
    same = canonical({"eventType": payload.name, **payload.elements})
    if len(same) * len(targets) > _MAX_STORED:
        raise TooLarge(f"{len(targets)} entities match: the event is too large to be stored for each")
    return Push(tenant, received_at, payload, times, targets, same)


def store(push: Push, new_id: Callable[[int], str], key: str) -> Stored:
    """Return what is to be written: all of it or nothing. `key` is the idempotency key, '' without one."""
    opens = push.payload.type.opens_problem
    records = [(_signal if opens else _event)(push, target, new_id, key) for target in push.targets]
    events = [] if opens else records
    return Stored(
        records,
        {
            "storedEventIds": [ids.signed_low(record.id) for record in events],
            "storedIds": [stored_id(record.id, push.times.start) for record in events],
            "storedCorrelationIds": [record.correlation_id for record in records] if opens else [],
        },
    )


def _event(push: Push, target: Target, new_id: Callable[[int], str], key: str) -> IngestRecord:
    dedup_key = _dedup_key(push, target, key)
    event_id = dedup_key or new_id(push.times.start)
    return IngestRecord(
        op="create",
        tenant=push.tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=push.received_at,
        dedup_key=dedup_key,
        fingerprint=_fingerprint(push, target, key),
        event=codec.encode(_stored_event(push, target, event_id, "")),
    )


def _signal(push: Push, target: Target, new_id: Callable[[int], str], key: str) -> IngestRecord:
    """Return the record of a problem signal; its new id becomes the id of the event and of the problem, if it opens one."""
    event_id = new_id(push.times.start)
    correlation_id = push.correlation_id(target)
    return IngestRecord(
        op="push",
        tenant=push.tenant,
        id=event_id,
        record_id=event_id,
        ingest_ts=push.received_at,
        dedup_key=_dedup_key(push, target, key),
        fingerprint=_fingerprint(push, target, key),
        correlation_id=correlation_id,
        timeout_ms=push.times.timeout_ms,
        event=codec.encode(_stored_event(push, target, event_id, correlation_id)),
    )


def _stored_event(push: Push, target: Target, event_id: str, correlation_id: str) -> Event:
    times = push.times
    return Event(
        tenant=push.tenant,
        id=event_id,
        dialect="desk",
        ts=times.start,
        start=times.start,
        end=times.end,
        ingest_ts=push.received_at,
        updated_ts=push.received_at,
        deadline=push.received_at + times.timeout_ms if correlation_id else None,
        raw=raw_of(push.payload, target, correlation_id),
        **columns(push.payload, target),
    )


def _dedup_key(push: Push, target: Target, key: str) -> str:
    return ids.keyed(push.tenant, key, target.id) if key else ""


def _fingerprint(push: Push, target: Target, key: str) -> int:
    """Hash what the client sent, not what was filled in: a retry without `start` is the same request."""
    payload = push.payload
    sent = canonical([target.id, payload.start, payload.end, payload.timeout_minutes])
    return ids.fingerprint(sent + push.canonical) if key else 0
