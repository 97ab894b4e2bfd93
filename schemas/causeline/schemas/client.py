"""For consumers of the public topics: one call that turns a Kafka record into the record that Causeline wrote.

    from causeline.schemas.client import Problem, decode

    for record in consumer:              # aiokafka, confluent-kafka, faust, or plain bytes
        found = decode(record)           # Event | Problem | CauseRevision | …, None for a tombstone
        if isinstance(found, Problem) and found.transition == "opened": ...

Its schema id says what a record is, so the topic need not be told. It is read with the newest schema of this package: newer fields have
their defaults. Read with isolation level `read_committed`, else what aborted transactions wrote is seen too.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, DEAD_LETTERS, DELIVERIES_LOG, EVENTS, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.wire import codec
from causeline.schemas.wire.codec import CodecError

__all__ = [
    "CAUSES",
    "DEAD_LETTERS",
    "DELIVERIES_LOG",
    "EVENTS",
    "PROBLEMS",
    "PROBLEMS_CURRENT",
    "CauseRevision",
    "CodecError",
    "DeadLetter",
    "Delivery",
    "Event",
    "ForeignSchema",
    "Problem",
    "PublicRecord",
    "decode",
    "summary",
]

PublicRecord = Event | Problem | DeadLetter | Delivery | CauseRevision
"""What lies on a public topic. A `Problem` is one transition of a problem with the snapshot after it."""

_DECODE: Final[dict[str, Callable[[bytes], PublicRecord]]] = {
    "event": lambda value: codec.decode_record(value, Event),
    "problem": lambda value: codec.decode_record(value, Problem),
    "dead_letter": lambda value: codec.decode_record(value, DeadLetter),
    "delivery": lambda value: codec.decode_record(value, Delivery),
    "causes": lambda value: codec.decode_record(value, CauseRevision),
}
_HEADER: Final = codec.HEADER_SIZE


class ForeignSchema(CodecError):
    """The record is framed, and its schema id is none of a public topic: another registry's, an internal one, or a newer version's."""

    def __init__(self, message: str, schema_id: int) -> None:
        super().__init__(message)
        self.schema_id = schema_id


class HasValue(Protocol):
    """A record of a Kafka client: `value` holds its bytes or returns them."""

    @property
    def value(self) -> Any:
        """The bytes, None for a tombstone, or what returns them when called."""


def decode(record: bytes | HasValue | None) -> PublicRecord | None:
    """Return what a record of a public topic says, None for a tombstone (`causeline.problems.current`, `causeline.causes`).

    Takes the framed bytes, or the client's record with a `value` attribute (aiokafka) or method (confluent-kafka). Raises ForeignSchema
    for a schema id of no public topic, CodecError for bytes that are not what their id says, TypeError for a value that is not bytes.
    """
    value = _value_of(record)
    if value is None:
        return None
    subject = _subject_of(value)
    return _DECODE[subject](value)


def summary(record: PublicRecord | None) -> str:
    """Return what a decoded record says in a line, as the examples print it."""
    match record:
        case None:
            return "tombstone"
        case Event():
            return f"{record.kind} {record.title!r} id={record.id} version={record.version}"
        case Problem():
            return f"{record.transition} {record.title!r} id={record.id} version={record.version}"
        case DeadLetter():
            return f"{record.reason} {record.detail!r} id={record.id} of {record.topic}/{record.partition}@{record.offset}"
        case Delivery():
            return f"{record.outcome} {record.what} {record.entity} id={record.id} attempt={record.attempt} to {record.subscription_id}"
        case CauseRevision():
            return f"{record.verdict} of {record.candidates} changes for {record.title!r} id={record.id} revision={record.revision}"


def _value_of(record: bytes | HasValue | None) -> bytes | None:
    value = record if record is None or isinstance(record, bytes | bytearray | memoryview) else record.value
    value = value() if callable(value) else value
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"the value of a record is {type(value).__name__}, not bytes: take the client's own deserializer away")


def _subject_of(value: bytes) -> str:
    schemas = codec.registry()
    schema_id = int.from_bytes(value[1:_HEADER], "big")
    if len(value) >= _HEADER and value[0] == 0 and schema_id not in schemas:
        raise ForeignSchema(
            f"schema id {schema_id} is not one of this version of Causeline ({min(schemas)} to {max(schemas)}): the record is another's,"
            " or newer than this package; the schema registry of the server that wrote it knows",
            schema_id,
        )
    subject = schemas[codec.schema_id_of(value)].subject
    if subject not in _DECODE:
        raise ForeignSchema(f"schema id {schema_id} is the internal record {subject!r}, which is on no public topic", schema_id)
    return subject
