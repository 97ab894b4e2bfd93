"""The headers that make a record of a public topic a CloudEvent: Kafka protocol binding 1.0.2, section 3.2, binary content mode.

They say what a router or filter needs without the schema. They are made from the record itself, so whatever writes it says the same; of an
event only its head is read. `ce_source` and `ce_id` together name one occurrence: an event, a problem and a delivery may share an id,
so each has a source of its own, and the tombstone that an event leaves at its old time shares its version with the event at the new one,
so that deleted versions are marked. Tombstones of Kafka (records without a value) are no events and have no headers.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, DEAD_LETTERS, DELIVERIES_LOG, EVENTS, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.values.times import MAX_MS, rfc3339
from causeline.schemas.wire import codec
from causeline.schemas.wire.datum_patterns import matcher
from causeline.schemas.wire.locked import newest_layout

Headers = list[tuple[str, bytes]]

DATA_CONTENT_TYPE: Final = "application/avro"
HEADER_NAMES: Final = ("ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "content-type")

_VERSION: Final = ("ce_specversion", b"1.0")
_CONTENT: Final = ("content-type", DATA_CONTENT_TYPE.encode())
_HEAD: Final = (("tenant",), ("id",), ("version", "is_deleted"))
_EVENT: Final = matcher(newest_layout("event"), (*_HEAD, ("updated_ts",)))
_PROBLEM: Final = matcher(newest_layout("problem"), (*_HEAD, ("transition",), ("at",)))


def headers_of(topic: str, value: bytes | None) -> Headers:
    """Return the headers of a framed record, none for a tombstone, for a topic that is not public and for what cannot be read."""
    describe = _DESCRIBERS.get(topic)
    if describe is None or value is None:
        return []
    try:
        return describe(value)
    except codec.CodecError:
        return []


def is_described(topic: str) -> bool:
    """Return whether the records of a topic have headers."""
    return topic in _DESCRIBERS


def _event(value: bytes) -> Headers:
    match = _EVENT(value)
    if match is None:
        event = codec.decode_record(value, Event)
        own = _id(event.id.encode(), event.version, is_deleted=event.is_deleted)
        return _headers(_type("event"), _source(event.tenant.encode(), "events"), own, _time(event.updated_ts))
    tenant, own, version, at = match.groups()
    return [_VERSION, _EVENT_TYPE, _event_source(tenant), ("ce_id", own[1:] + _SUFFIX[version]), _time_of(at), _CONTENT]


def _problem(value: bytes) -> Headers:
    match = _PROBLEM(value)
    if match is None:
        problem = codec.decode_record(value, Problem)
        own = _id(problem.id.encode(), problem.version, is_deleted=problem.is_deleted)
        return _headers(_type(f"problem.{problem.transition}"), _source(problem.tenant.encode(), "problems"), own, _time(problem.at))
    tenant, own, version, transition, at = match.groups()
    return _headers(_type_of(transition), _source(tenant[1:], "problems"), own[1:] + _SUFFIX[version], _time_of(at))


def _causes(value: bytes) -> Headers:
    ranking = codec.decode_record(value, CauseRevision)
    own = _id(ranking.id.encode(), ranking.revision, is_deleted=ranking.is_deleted)
    return _headers(_type(f"causes.{ranking.verdict}"), _source(ranking.tenant.encode(), "causes"), own, _time(ranking.computed_at))


def _delivery(value: bytes) -> Headers:
    delivery = codec.decode_record(value, Delivery)
    own = f"{delivery.id}/{delivery.attempt}".encode()
    source = _source(delivery.tenant.encode(), "deliveries")
    return _headers(_type(f"delivery.{delivery.outcome}"), source, own, _time(delivery.at))


def _dead_letter(value: bytes) -> Headers:
    letter = codec.decode_record(value, DeadLetter)
    own = f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
    return _headers(_type("dead_letter"), _source(letter.tenant.encode(), "dead-letters"), own, _time(letter.at))


def _headers(type_: tuple[str, bytes], source: tuple[str, bytes], own: bytes, time: tuple[str, bytes]) -> Headers:
    return [_VERSION, type_, source, ("ce_id", own), time, _CONTENT]


def _id(own: bytes, version: int, *, is_deleted: bool) -> bytes:
    return b"%b/%d/deleted" % (own, version) if is_deleted else b"%b/%d" % (own, version)


@lru_cache(maxsize=4096)
def _event_source(tenant: bytes) -> tuple[str, bytes]:
    return _source(tenant[1:], "events")


@lru_cache(maxsize=64)
def _type(of: str) -> tuple[str, bytes]:
    return "ce_type", f"causeline.{of}.v1".encode()


@lru_cache(maxsize=64)
def _type_of(transition: bytes) -> tuple[str, bytes]:
    return _type(f"problem.{transition[1:].decode('utf-8', 'replace')}")


@lru_cache(maxsize=4096)
def _source(tenant: bytes, of: str) -> tuple[str, bytes]:
    """Return a URI reference; a record that cannot be read is of no tenant."""
    return "ce_source", b"/causeline/%b/%b" % (tenant or b"-", of.encode())


@lru_cache(maxsize=4096)
def _time(ms: int) -> tuple[str, bytes]:
    return "ce_time", rfc3339(min(max(ms, 0), MAX_MS)).encode()


@lru_cache(maxsize=4096)
def _time_of(zigzag: bytes) -> tuple[str, bytes]:
    number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(zigzag))
    return _time((number >> 1) ^ -(number & 1))


_EVENT_TYPE: Final = _type("event")
_SUFFIX: Final = {
    bytes((version << 1, is_deleted)): _id(b"", version, is_deleted=is_deleted) for version in range(64) for is_deleted in (False, True)
}
"""By the bytes of version and is_deleted."""
_DESCRIBERS: Final[Mapping[str, Callable[[bytes], Headers]]] = {
    EVENTS: _event,
    PROBLEMS: _problem,
    PROBLEMS_CURRENT: _problem,
    CAUSES: _causes,
    DELIVERIES_LOG: _delivery,
    DEAD_LETTERS: _dead_letter,
}
