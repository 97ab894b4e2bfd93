import io
import struct
from typing import Any, TypeVar

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from causeline.schemas.wire.locked import schema_of
from causeline.schemas.wire.longs import long

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LONG_TEXT = st.one_of(TEXT, st.integers(4_090, 4_100).map(lambda n: "ä" * n), st.integers(60, 70).map(lambda n: "x" * n))
R = TypeVar("R", Event, IngestRecord)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: LONG_TEXT,
    int: INT64,
    int | None: st.none() | INT64,
    bool: st.booleans(),
    bytes: st.binary(max_size=50),
    dict[str, str]: st.dictionaries(TEXT, TEXT, max_size=5),
    list[str]: st.lists(TEXT, max_size=5),
    list[int]: st.lists(INT64, max_size=5),
}


def anything(kind: type[R]) -> st.SearchStrategy[R]:
    hints = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **{name: VALUES.get(hint, TEXT) for name, hint in hints.items()})


def by_schema(record: Any, subject: str) -> bytes:
    """What the general encoder makes of the oldest schema that holds all of it, logical types dropped as in the codec."""
    schema = codec.latest(subject)
    if subject == "ingest" and not record.base_service:
        version = 1 if (record.request_key, record.request_fingerprint, record.position) == ("", 0, 0) else 2
        schema = schema_of("ingest", version)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, codec._plain(schema.definition), msgspec.structs.asdict(record))
    return struct.pack(">bI", 0, schema.id) + buffer.getvalue()


@given(anything(Event))
def test_an_event_is_encoded_as_its_schema_says(event: Event) -> None:
    assert codec.encode_record(event) == by_schema(event, "event")
    assert codec.decode_record(codec.encode_record(event), Event) == event


def new_events() -> st.SearchStrategy[dict[str, Any]]:
    """Columns that a new event may fill, by name, in any number and order."""
    own = {"tenant", "id", "version", "is_deleted", "dialect", "ts", "ingest_ts", "updated_ts", "problem_id", "deadline", "raw"}
    own |= {"previous_service", "commits", "commit_times"}
    fields = [field for field in msgspec.structs.fields(Event) if field.name not in own]
    values = {field.name: INT64 if field.type == int | None else VALUES.get(field.type, TEXT) for field in fields}
    other = st.fixed_dictionaries({}, optional={"correlation_id": TEXT} | {n: v for n, v in values.items() if n != "kind"})
    commits = st.lists(st.tuples(TEXT, INT64), max_size=5).map(
        lambda pairs: {"commits": [p[0] for p in pairs], "commit_times": [p[1] for p in pairs]}
    )
    return st.tuples(values["kind"], other, st.just({}) | commits, st.randoms()).map(
        lambda drawn: shuffled({"kind": drawn[0], **drawn[1], **drawn[2]}, drawn[3])
    )


def shuffled(columns: dict[str, Any], rng: Any) -> dict[str, Any]:
    items = list(columns.items())
    rng.shuffle(items)
    return dict(items)


@given(LONG_TEXT, LONG_TEXT, INT64, INT64, new_events(), LONG_TEXT)
def test_a_new_event_is_encoded_from_its_columns_as_the_event_is(
    tenant: str, event_id: str, arrival: int, ts: int, columns: dict[str, Any], raw: str
) -> None:
    fields = {name: value for name, value in columns.items() if name in Event.__struct_fields__}
    common: dict[str, Any] = {"tenant": tenant, "dialect": "native", "ingest_ts": arrival, "updated_ts": arrival}
    event = Event(**fields, **common, id=event_id, ts=ts, raw=raw)
    codec_of_request = codec.NewEventCodec(tenant, "native", arrival)
    assert codec_of_request.encode(event_id, ts, columns, raw.encode()) == codec.encode_record(event)


def unrequested(record: IngestRecord) -> IngestRecord:
    return msgspec.structs.replace(record, request_key="", request_fingerprint=0, position=0, base_service="")


def without_base_service(record: IngestRecord) -> IngestRecord:
    return msgspec.structs.replace(record, base_service="")


@given(anything(IngestRecord).map(unrequested))
def test_a_record_of_the_first_version_is_read_as_by_the_newest_schema(record: IngestRecord) -> None:
    frame = codec.encode_record(record)
    source = io.BytesIO(frame[codec.HEADER_SIZE :])
    newest = codec._parse_schema(codec.latest("ingest").id)
    assert IngestRecord(**fastavro.schemaless_reader(source, codec._parse_schema(codec.schema_id_of(frame)), newest)) == record  # type: ignore[arg-type]


@given(TEXT, LONG_TEXT, LONG_TEXT, INT64, st.binary(max_size=50))
def test_a_plain_create_is_encoded_as_its_schema_says(tenant: str, event_id: str, record_id: str, now: int, event: bytes) -> None:
    record = IngestRecord(op="create", tenant=tenant, id=event_id, record_id=record_id, ingest_ts=now, event=event)
    assert codec.encode_record(record) == by_schema(record, "ingest")


@given(st.one_of(anything(IngestRecord), anything(IngestRecord).map(unrequested), anything(IngestRecord).map(without_base_service)))
def test_an_ingest_record_is_encoded_as_its_schema_says(record: IngestRecord) -> None:
    assert codec.encode_record(record) == by_schema(record, "ingest")
    assert codec.decode_record(codec.encode_record(record), IngestRecord) == record


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, b"\x00"), (-1, b"\x01"), (1, b"\x02"), (-64, b"\x7f"), (64, b"\x80\x01"), ((1 << 63) - 1, b"\xfe" + b"\xff" * 8 + b"\x01")],
)
def test_a_long_is_zigzag_in_groups_of_seven_bits(value: int, expected: bytes) -> None:
    assert long(value) == expected


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_a_number_beyond_64_bits_is_not_encoded(value: int) -> None:
    with pytest.raises(OverflowError):
        long(value)


PROBLEM = Problem(
    tenant="t",
    id="p",
    version=1,
    dialect="native",
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
DEAD = DeadLetter(reason="undecodable", at=1, topic="causeline.ingest", partition=0, offset=7, value=b"\x00x")
EVENT = Event(tenant="t", id="e", dialect="native", kind="change", ts=1, ingest_ts=2, updated_ts=2)


def test_every_record_comes_back_as_it_was_written() -> None:
    assert codec.decode_record(codec.encode_record(PROBLEM), Problem) == PROBLEM
    assert codec.decode_record(codec.encode_record(DEAD), DeadLetter) == DEAD


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"", "too few"),
        (b"\x00\x00\x00", "too few"),
        (b"\x01" + codec.encode_record(EVENT)[1:], "magic"),
        (b"\x00\x00\x00\xff\xff" + codec.encode_record(EVENT)[5:], "not in the registry"),
        (codec.encode_record(PROBLEM), "not a event"),
        (codec.encode_record(EVENT)[:-3], "not a event"),
        (codec.encode_record(EVENT)[:5], "not a event"),
    ],
)
def test_bytes_that_are_not_the_record_are_a_codec_error(frame: bytes, why: str) -> None:
    with pytest.raises(codec.CodecError, match=why):
        codec.decode_record(frame, Event)


def test_a_container_holds_the_datums_under_their_schema() -> None:
    events = [msgspec.structs.replace(EVENT, id=ids.uuid5(str(n))) for n in range(2_500)]
    frames = [codec.encode_record(event) for event in events]
    rows: Any = fastavro.reader(io.BytesIO(codec.container(codec.schema_id_of(frames[0]), frames)))
    assert [str(row["id"]) for row in rows] == [event.id for event in events]


@pytest.mark.parametrize(
    ("kind", "subject"), [(Event, "event"), (Problem, "problem"), (IngestRecord, "ingest"), (DeadLetter, "dead_letter")]
)
def test_a_record_has_the_fields_of_its_schema_in_order(kind: type[msgspec.Struct], subject: str) -> None:
    assert list(kind.__struct_fields__) == [field["name"] for field in codec.latest(subject).definition["fields"]]


@pytest.mark.parametrize("kind", [Event, Problem])
@given(data=st.data())
def test_the_head_of_a_record_is_what_decoding_all_of_it_gives(kind: Any, data: st.DataObject) -> None:
    hints = {field.name: field.type for field in msgspec.structs.fields(kind)}
    record = data.draw(st.builds(kind, **{name: VALUES.get(hint, TEXT) for name, hint in hints.items()}))
    assert codec.head_of(codec.encode_record(record)) == (record.tenant, record.id, record.version, record.is_deleted)


def test_every_version_of_an_event_and_a_problem_begins_with_its_head() -> None:
    for schema in codec.registry().values():
        if schema.subject in ("event", "problem"):
            assert tuple(field["name"] for field in schema.definition["fields"][:4]) == codec.Head._fields


@pytest.mark.parametrize(
    "frame", [b"", b"not Avro", codec.encode_record(IngestRecord(op="tick", ingest_ts=1)), codec.encode_record(EVENT)[:7]]
)
def test_the_head_of_anything_else_is_refused(frame: bytes) -> None:
    with pytest.raises(codec.CodecError):
        codec.head_of(frame)
