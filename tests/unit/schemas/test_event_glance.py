from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.records.event import Event
from causeline.schemas.subscriptions.matching import columns_of_event, details_of_event
from causeline.schemas.wire import codec
from causeline.schemas.wire import glance as event_glance
from tests.partition_log import event, uuid
from tests.unit.schemas.test_codec import anything

EVENTS = st.one_of(
    anything(Event), st.builds(event, st.integers(1, 9), kind=st.text(max_size=40), title=st.text(), service=st.text(max_size=70))
)


def version(framed: bytes) -> int | None:
    seen = event_glance.glance(framed)
    return None if seen is None else event_glance.version_of(seen)


@given(EVENTS)
def test_any_event_is_seen_as_the_decoder_sees_it(given_event: Event) -> None:
    framed = codec.encode(given_event)
    seen = event_glance.of_event(framed)
    assert (seen.columns(), seen.details()) == (columns_of_event(given_event), details_of_event(given_event))
    assert seen.is_restricted() == bool(given_event.allowed_groups)
    assert version(framed) in {None, given_event.version}


@given(EVENTS, st.integers(0, 400), st.binary(max_size=3))
def test_damage_is_never_seen_as_something_that_the_decoder_does_not_see(given_event: Event, at: int, damage: bytes) -> None:
    framed = codec.encode(given_event)
    at %= len(framed)
    for broken in (framed[:at] + damage + framed[at + len(damage) :], framed[:at]):
        try:
            decoded = codec.decode(broken, Event)
        except codec.CodecError:
            continue
        seen = event_glance.of_event(broken)
        assert (seen.columns(), seen.details()) == (columns_of_event(decoded), details_of_event(decoded))
        assert seen.is_restricted() == bool(decoded.allowed_groups)


@given(EVENTS, EVENTS)
def test_events_of_one_key_have_the_same_columns(one: Event, other: Event) -> None:
    first, second = (event_glance.of_event(codec.encode(given_event)) for given_event in (one, other))
    assert first.key != second.key or first.columns() == second.columns()


def test_a_usual_event_is_seen_at_a_glance() -> None:
    usual = event(7, service="checkout", environment="production", priority="P1", start=1_790_000_000_000, version=3)
    assert version(codec.encode(usual)) == 3
    assert event_glance.of_event(codec.encode(usual)).key == event_glance.of_event(codec.encode(event(8, **_columns(usual)))).key


def _columns(of: Event) -> dict[str, object]:
    return {name: getattr(of, name) for name in ("service", "environment", "priority", "version")}


def test_a_glance_knows_the_id_of_the_locked_schema() -> None:
    assert [schema.id for schema in codec.registry().values() if schema.subject == "event"] == [int.from_bytes(event_glance.FRAME)]


def test_what_a_glance_does_not_know_is_left_to_the_decoder() -> None:
    assert version(codec.encode(event(1, service="s" * 64))) is None
    assert version(b"") is None
    assert uuid(1) == event(1).id
