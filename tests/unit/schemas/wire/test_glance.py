from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.records.event import Event
from causeline.schemas.subscriptions.matching import columns_of_event, details_of_event
from causeline.schemas.wire import codec
from causeline.schemas.wire import glance as event_glance
from causeline.schemas.wire.locked import layout_of, newest_layout
from tests.partition_log import event, uuid
from tests.unit.schemas.wire.made_up import framed, grown
from tests.unit.schemas.wire.test_codec import anything

EVENTS = st.one_of(
    anything(Event), st.builds(event, st.integers(1, 9), kind=st.text(max_size=40), title=st.text(), service=st.text(max_size=70))
)


def version(frame: bytes) -> int | None:
    glance = event_glance.glance(frame)
    return None if glance is None else event_glance.version_of(glance)


@given(EVENTS)
def test_any_event_is_seen_as_the_decoder_sees_it(given_event: Event) -> None:
    frame = codec.encode_record(given_event)
    glance = event_glance.of_event(frame)
    assert (glance.columns(), glance.details()) == (columns_of_event(given_event), details_of_event(given_event))
    assert glance.is_restricted() == bool(given_event.allowed_groups)
    assert version(frame) in {None, given_event.version}


@given(EVENTS, st.integers(0, 400), st.binary(max_size=3))
def test_damage_is_never_seen_as_something_that_the_decoder_does_not_see(given_event: Event, at: int, damage: bytes) -> None:
    frame = codec.encode_record(given_event)
    at %= len(frame)
    for damaged in (frame[:at] + damage + frame[at + len(damage) :], frame[:at]):
        try:
            decoded = codec.decode_record(damaged, Event)
        except codec.CodecError:
            continue
        glance = event_glance.of_event(damaged)
        assert (glance.columns(), glance.details()) == (columns_of_event(decoded), details_of_event(decoded))
        assert glance.is_restricted() == bool(decoded.allowed_groups)


def test_no_groups_are_none_in_however_many_bytes_that_is_written() -> None:
    frame = codec.encode_record(event(1))
    names = newest_layout("event").names
    behind = len(names) - names.index("allowed_groups")
    assert frame[-behind:] == bytes(behind)
    wordy = frame[:-behind] + b"\x80\x00" + frame[1 - behind :]
    assert codec.decode_record(wordy, Event) == codec.decode_record(frame, Event)
    assert not event_glance.of_event(wordy).is_restricted()


@given(EVENTS, EVENTS)
def test_events_of_one_key_have_the_same_columns(one: Event, other: Event) -> None:
    first, second = (event_glance.of_event(codec.encode_record(given_event)) for given_event in (one, other))
    assert first.key != second.key or first.columns() == second.columns()


def test_a_usual_event_is_seen_at_a_glance() -> None:
    usual = event(7, service="checkout", environment="production", priority="P1", start=1_790_000_000_000, version=3)
    assert version(codec.encode_record(usual)) == 3
    assert (
        event_glance.of_event(codec.encode_record(usual)).key == event_glance.of_event(codec.encode_record(event(8, **_columns(usual)))).key
    )


def _columns(of: Event) -> dict[str, object]:
    return {name: getattr(of, name) for name in ("service", "environment", "priority", "version")}


NEW_FIELDS: list[tuple[Any, Any]] = [
    ("string", "a word"),
    ("string", "w" * 300),
    ("long", -1),
    ("long", 1_790_000_000_000),
    (["null", "long"], None),
    (["null", "long"], 1_790_000_000_000),
    ("boolean", True),
    ("bytes", b"\xff\x00"),
    ({"type": "map", "values": "string"}, {}),
    ({"type": "map", "values": "string"}, {"a": "b" * 70, "c": ""}),
    ({"type": "array", "items": "string"}, ["x", "y" * 70]),
]
BEHIND_THE_COLUMNS = ("severity", "title", "text", "owner", "project", "tags", "entities", "links", "allowed_groups", "raw", None)
SHORT = st.builds(
    event, st.integers(1, 9), title=st.text(), tags=st.dictionaries(st.text(), st.text(), max_size=3), allowed_groups=st.lists(st.text())
)


@pytest.mark.parametrize("before", BEHIND_THE_COLUMNS)
@pytest.mark.parametrize(("kind", "value"), NEW_FIELDS, ids=repr)
@given(given_event=SHORT)
def test_a_field_more_among_the_details_is_gone_over(kind: Any, value: Any, before: str | None, given_event: Event) -> None:
    schema = grown("event", 1, {"name": "new", "type": kind}, before)
    look = event_glance.Glance(layout_of(schema))
    data = framed(schema, given_event, new=value)
    match = look.match(data)
    assert match is not None
    assert look.columns(match.groups()) == columns_of_event(given_event)
    assert look.details(data, match.end()) == details_of_event(given_event)
    assert look.is_restricted(data, match.end()) == bool(given_event.allowed_groups)


@pytest.mark.parametrize("before", ["tenant", "id", "version", "dialect", "kind", "ts", "ingest_ts", "service", "environment", "priority"])
@pytest.mark.parametrize(
    ("kind", "value"), [each for each in NEW_FIELDS if isinstance(each[1], str | int | None) and each[1] != "w" * 300], ids=repr
)
def test_a_field_more_among_the_columns_is_gone_over(kind: Any, value: Any, before: str) -> None:
    given_event = event(7, service="checkout", environment="production", priority="P1", start=1_790_000_000_000, version=3)
    schema = grown("event", 1, {"name": "new", "type": kind}, before)
    look = event_glance.Glance(layout_of(schema))
    data = framed(schema, given_event, new=value)
    match = look.match(data)
    assert match is not None
    assert event_glance.version_of(match) == 3
    assert look.columns(match.groups()) == columns_of_event(given_event)
    assert look.details(data, match.end()) == details_of_event(given_event)


def test_columns_and_details_in_another_order_are_seen_as_what_they_are() -> None:
    given_event = event(7, service="checkout", environment="production", status="failed", title="Deploy", text="all of it", project="shop")
    schema = grown("event", 1, {"name": "new", "type": "string"}, None)
    fields = {field["name"]: field for field in schema.definition["fields"]}
    order = ["tenant", "id", "version", "is_deleted", "priority", "status", "service", "kind", "environment", "dialect", "tags", "project"]
    schema = schema._replace(definition=schema.definition | {"fields": [fields[name] for name in [*order, *(fields.keys() - set(order))]]})
    look = event_glance.Glance(layout_of(schema))
    data = framed(schema, given_event, new="")
    match = look.match(data)
    assert match is not None
    assert look.columns(match.groups()) == columns_of_event(given_event)
    assert look.details(data, match.end()) == details_of_event(given_event)


@pytest.mark.parametrize("before", ["tenant", "ts", "priority"])
def test_an_array_or_a_map_among_the_columns_is_refused_at_the_start(before: str) -> None:
    schema = grown("event", 1, {"name": "new", "type": {"type": "array", "items": "string"}}, before)
    with pytest.raises(KeyError, match="texts"):
        event_glance.Glance(layout_of(schema))


def test_what_another_schema_wrote_is_not_seen_at_a_glance() -> None:
    schema = grown("event", 1, {"name": "new", "type": "string"}, "title")
    look = event_glance.Glance(layout_of(schema))
    assert version(framed(schema, event(1), new="")) is None
    assert look.match(codec.encode_record(event(1))) is None


def test_a_glance_knows_the_newest_schema() -> None:
    assert newest_layout("event").frame == codec.encode_record(event(1))[: codec.HEADER_SIZE]
    assert version(codec.encode_record(event(1))) == 1


def test_what_a_glance_does_not_know_is_left_to_the_decoder() -> None:
    assert version(codec.encode_record(event(1, service="s" * 64))) is None
    assert version(b"") is None
    assert uuid(1) == event(1).id
