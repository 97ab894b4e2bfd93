import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.wire import codec, ingest_datum
from causeline.schemas.wire.locked import schema_of
from tests.unit.schemas.wire.made_up import framed, grown

TEXT = st.text(max_size=6)
LONG = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 1 << 43), st.just(0), st.just(-1))
UUIDS = st.binary(min_size=10, max_size=10).map(lambda random: ids.uuid7(1_790_000_000_000, random))
RECORDS = st.builds(
    IngestRecord,
    op=st.sampled_from(["create", "patch", "push", "tick"]),
    tenant=st.one_of(TEXT, st.text(min_size=60, max_size=70)),
    id=st.one_of(UUIDS, TEXT),
    record_id=st.one_of(UUIDS, TEXT),
    ingest_ts=LONG,
    dedup_key=st.one_of(st.just(""), TEXT),
    fingerprint=LONG,
    base_version=LONG,
    base_ts=LONG,
    patch=st.one_of(st.just(""), TEXT),
    correlation_id=st.one_of(st.just(""), TEXT),
    signal=st.sampled_from(["", "open", "close"]),
    timeout_ms=LONG,
    event=st.binary(max_size=300),
    request_key=st.one_of(st.just(""), TEXT),
    request_fingerprint=st.one_of(st.just(0), LONG),
    position=st.one_of(st.just(0), LONG),
    base_service=st.one_of(st.just(""), TEXT),
)
PLAIN = st.builds(
    IngestRecord,
    op=st.just("create"),
    tenant=st.text(max_size=10),
    id=UUIDS,
    record_id=UUIDS,
    ingest_ts=st.one_of(st.integers(1 << 36, 1 << 41), LONG),
    event=st.one_of(st.binary(max_size=300), st.binary(min_size=9_000, max_size=9_001)),
)


def outcome(decode: object, frame: bytes) -> IngestRecord | str:
    assert callable(decode)
    try:
        record: IngestRecord = decode(frame)
    except codec.CodecError:
        return "refused"
    return record


def general(frame: bytes) -> IngestRecord:
    return codec.decode_record(frame, IngestRecord)


@given(st.one_of(RECORDS, PLAIN))
def test_any_record_is_decoded_as_the_general_decoder_does(record: IngestRecord) -> None:
    frame = codec.encode_record(record)
    assert codec.decode_ingest(frame) == general(frame) == record


@given(PLAIN, st.integers(0, 400), st.binary(max_size=3))
def test_any_bytes_are_decoded_or_refused_as_the_general_decoder_does(record: IngestRecord, at: int, damage: bytes) -> None:
    frame = codec.encode_record(record)
    at %= len(frame)
    for damaged in (frame[:at] + damage + frame[at + len(damage) :], frame[:at], frame + damage):
        assert outcome(codec.decode_ingest, damaged) == outcome(general, damaged)


def test_a_usual_create_takes_the_short_cut() -> None:
    own = ids.uuid7(1_790_000_000_000, bytes(10))
    record = IngestRecord(op="create", tenant="default", id=own, record_id=own, ingest_ts=1_790_000_000_000, event=b"x" * 700)
    assert ingest_datum.plain_create(codec.encode_record(record)) == record


def test_the_short_cut_knows_the_ids_of_the_locked_schemas() -> None:
    lock = json.loads(files("causeline.schemas").joinpath("registry.lock.json").read_text("utf-8"))
    known_ids = {n: int.from_bytes(frame) for n, frame in enumerate((ingest_datum.FRAME, ingest_datum.FRAME_2, ingest_datum.FRAME_3), 1)}
    assert {entry["version"]: entry["id"] for entry in lock if entry["subject"] == "ingest"} == known_ids


@pytest.mark.parametrize("before", ["dedup_key", "base_ts", "event"])
@pytest.mark.parametrize(("kind", "default"), [("string", ""), ("string", "plain"), ("long", 0), ("long", -1), ("long", 1_000)])
@given(record=PLAIN)
def test_a_field_more_before_the_event_is_held_to_its_default(before: str, kind: str, default: Any, record: IngestRecord) -> None:
    schema = grown("ingest", 1, {"name": "new", "type": kind, "default": default}, before)
    look = ingest_datum.short_cut(schema)
    assert look(framed(schema, record, new=default)) in (record, None)
    assert look(framed(schema, record, new="other" if kind == "string" else 7)) is None
    assert look(codec.encode_record(record)) is None
    assert ingest_datum.plain_create(framed(schema, record, new=default)) is None


@pytest.mark.parametrize("default", ["", "plain"])
def test_a_usual_create_of_a_made_up_schema_takes_its_short_cut(default: str) -> None:
    own = ids.uuid7(1_790_000_000_000, bytes(10))
    record = IngestRecord(op="create", tenant="default", id=own, record_id=own, ingest_ts=1_790_000_000_000, event=b"x" * 700)
    schema = grown("ingest", 1, {"name": "new", "type": "string", "default": default}, "patch")
    assert ingest_datum.short_cut(schema)(framed(schema, record, new=default)) == record


@pytest.mark.parametrize("before", ["op", "tenant", "ingest_ts", None])
def test_a_field_more_where_the_short_cut_reads_is_refused_at_the_start(before: str | None) -> None:
    with pytest.raises(ValueError, match="ingest v2 is not op, tenant"):
        ingest_datum.short_cut(grown("ingest", 1, {"name": "new", "type": "string", "default": ""}, before))
    with pytest.raises(ValueError, match="ingest v2 is not op, tenant"):
        ingest_datum.short_cut(schema_of("ingest", 2))


def test_a_field_without_a_default_is_refused_at_the_start() -> None:
    with pytest.raises(KeyError, match="default"):
        ingest_datum.short_cut(grown("ingest", 1, {"name": "new", "type": "string"}, "event"))
