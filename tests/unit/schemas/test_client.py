from typing import NamedTuple

import pytest

from causeline.schemas.client import (
    CauseRevision,
    CodecError,
    DeadLetter,
    Delivery,
    Event,
    ForeignSchema,
    Problem,
    PublicRecord,
    decode,
    summary,
)
from causeline.schemas.records.causes import BlindSpotEntry, CauseEntry, ReasonEntry
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import all_topics
from causeline.schemas.wire import codec

EVENT = Event(tenant="shop", id="e", dialect="native", kind="deployment", ts=1, ingest_ts=2, updated_ts=2, title="Deploy")
PROBLEM = Problem(
    tenant="shop",
    id="p",
    version=1,
    dialect="desk",
    kind="incident",
    correlation_id="c",
    event_id="e",
    state="open",
    transition="opened",
    at=1,
    start=1,
    last_receipt=1,
    ingest_ts=1,
)
LETTER = DeadLetter(reason="undecodable", at=1, topic="causeline.ingest", partition=0, offset=7, key=b"k", value=b"\x00\xff")
DELIVERY = Delivery(
    tenant="t", subscription_id="s", id="msg_1", attempt=1, what="problem", entity="p", version=1, outcome="delivered", received=1, at=2
)
REASON = ReasonEntry(feature="time", contribution=1.5, text="finished 4 min before")
CAUSE = CauseEntry(event_id="e", probability=0.5, score=1.5, relation="same_service", offset_seconds=-240.5, ts=3, reasons=[REASON, REASON])
RANKING = CauseRevision(
    tenant="shop",
    id="p",
    revision=2,
    occasion="opened",
    verdict="possible",
    none_probability=0.25,
    model="1",
    computed_at=4,
    as_of=3,
    causes=[CAUSE, CAUSE],
    blind_spots=[BlindSpotEntry(service="s", kind="flag")],
    problem_version=1,
    correlation_id="c",
    dialect="desk",
    kind="incident",
    state="open",
    start=1,
)
RECORDS: list[PublicRecord] = [EVENT, PROBLEM, LETTER, DELIVERY, RANKING]


class WithAttribute(NamedTuple):
    """As aiokafka gives a record."""

    value: object


class WithMethod:
    """As confluent-kafka gives a message."""

    def __init__(self, value: object) -> None:
        self._value = value

    def value(self) -> object:
        return self._value


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_what_it_is_without_naming_its_topic(record: PublicRecord) -> None:
    frame = codec.encode_record(record)
    for buffer in (frame, bytearray(frame), memoryview(frame)):
        assert decode(bytes(buffer)) == record
        assert decode(WithAttribute(buffer)) == record
        assert decode(WithMethod(buffer)) == record


def test_every_schema_of_a_public_topic_is_decoded() -> None:
    frames = {codec.schema_id_of(codec.encode_record(record)): record for record in RECORDS}
    public = {topic.schema for topic in all_topics() if topic.public}
    assert {codec.registry()[number].subject for number in frames} == public


def test_a_tombstone_is_none() -> None:
    assert decode(None) is None
    assert decode(WithAttribute(None)) is None
    assert decode(WithMethod(None)) is None


def test_a_schema_id_that_nobody_locked_is_named_with_what_to_do() -> None:
    with pytest.raises(ForeignSchema, match=r"schema id 4711 is not one of this version .*newer than this package") as caught:
        decode(b"\x00" + (4711).to_bytes(4, "big") + b"\x02a")
    assert caught.value.schema_id == 4711


def test_an_internal_record_is_told_apart_from_a_foreign_one() -> None:
    frame = codec.encode_record(IngestRecord(op="tick", ingest_ts=1))
    with pytest.raises(ForeignSchema, match="the internal record 'ingest'"):
        decode(frame)


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"{}", b"\x01\x00\x00\x00\x01abc"], ids=repr)
def test_bytes_without_a_frame_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        decode(data)
    assert not isinstance(caught.value, ForeignSchema)


def test_a_frame_without_its_datum_is_refused() -> None:
    with pytest.raises(CodecError, match="not a event"):
        decode(codec.encode_record(EVENT)[:9])


def test_a_value_that_was_decoded_already_is_refused_with_advice() -> None:
    with pytest.raises(TypeError, match="dict, not bytes: take the client's own deserializer away"):
        decode(WithAttribute({"id": "e"}))


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (EVENT, "deployment 'Deploy' id=e version=1"),
        (PROBLEM, "opened '' id=p version=1"),
        (LETTER, "undecodable '' id= of causeline.ingest/0@7"),
        (None, "tombstone"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_is_told_in_a_line(record: PublicRecord | None, line: str) -> None:
    assert summary(record) == line
