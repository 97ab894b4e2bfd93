"""The one pass over an item and the exact way are one: what is stored, what is answered, and what is refused in which words."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.bodies.items import One, Several
from causeline.ingest.dialects.native import writes
from causeline.ingest.dialects.native.body import MAX_ELEMENTS, BrokenRules, NativeEvent
from causeline.ingest.dialects.native.one_pass import columns_at_once
from causeline.ingest.idempotency import MAX_KEY
from causeline.schemas.dialects.native.views import view
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Malformed, RequestError
from causeline.schemas.wire.codec import decode_record
from tests.bench.bodies import native

T0: Final = 1_700_000_000_000
NAMES: Final = [*NativeEvent.__annotations__, "k\u0131nd", "Kind", "unknown"]
TEXTS: Final = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["", " ", "\u2003", "a:b", 'q":', "é", "\U0001f600", "\x00", "Deployment ", "ÄÖ", "x" * MAX_KEY, "x" * (MAX_KEY + 1)]),
)
SCALARS: Final = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.just(T0))
TIMES: Final = st.sampled_from(
    [T0, T0 + 1, -1, 1_700_000_000, 1 << 70, "2026-11-21T06:30:00Z", "2026-11-21T06:30:00.5+01:00", "soon", None, 1.5]
)
VALUES: Final = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(TEXTS, SCALARS, max_size=3))
RIGHT: Final[dict[str, st.SearchStrategy[Any]]] = {
    **dict.fromkeys(("ts", "start", "end"), TIMES),
    **dict.fromkeys(("tags", "links"), st.dictionaries(TEXTS, TEXTS, max_size=3)),
    **dict.fromkeys(("entities", "files", "allowed_groups"), st.lists(TEXTS, max_size=3)),
    "commits": st.lists(TEXTS | st.fixed_dictionaries({"id": TEXTS}, optional={"time": TIMES, "why": TEXTS}), max_size=3),
}


@st.composite
def items(draw: st.DrawFn) -> bytes:
    """Return the text of an item: mostly right, with blanks, keys that stand twice, escapes and broken ends now and then."""
    members = [("kind", draw(TEXTS)), ("title", draw(TEXTS))]
    names = draw(st.lists(st.sampled_from(NAMES), max_size=6))
    members += [(name, draw(RIGHT.get(name, TEXTS) if draw(st.integers(0, 4)) else VALUES)) for name in names]
    if draw(st.integers(0, 3)):
        members = list(dict(members).items())
    ascii_only, colon = draw(st.booleans()), draw(st.sampled_from([":", ": ", " :", "\n:"]))
    parts = [f"{json.dumps(name)}{colon}{json.dumps(value, ensure_ascii=ascii_only)}" for name, value in draw(st.permutations(members))]
    text = "{" + ", ".join(parts) + "}"
    return text.encode("utf-8", "surrogatepass")[: draw(st.sampled_from([None, None, None, None, -1, 9]))]


@contextmanager
def exact_way_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writes, "columns_at_once", lambda _raw: None)
        yield


def arrival() -> writes.ItemArrival:
    numbers = count()
    return writes.ItemArrival("acme", T0, lambda ts: ids.uuid7(ts, next(numbers).to_bytes(10)))


def seen(raw: bytes, key: str) -> object:
    """Return all that a single event comes to: its record and the event that is shown, or the refusal with its words."""
    try:
        write = writes.record_one(One(raw), arrival(), key)
    except RequestError as error:
        return type(error), error.message, error.fields
    return write.record, msgspec.json.encode(write.document), write.key_name


@given(items())
def test_what_is_read_at_once_is_what_the_exact_way_reads(raw: bytes) -> None:
    at_once = columns_at_once(raw)
    with suppress(Malformed, BrokenRules):
        columns, _ = writes.columns_exactly(raw)
        assert at_once is None or (at_once == columns and {*map(type, at_once.values())} == {*map(type, columns.values())})
        return
    assert at_once is None


@given(items(), st.sampled_from(["", "k"]))
def test_a_single_event_is_stored_shown_and_refused_alike_either_way(raw: bytes, key: str) -> None:
    at_once = seen(raw, key)
    with exact_way_only():
        assert at_once == seen(raw, key)


@given(items(), st.sampled_from(["", "k"]))
def test_the_answer_shows_the_event_as_it_is_stored(raw: bytes, key: str) -> None:
    with suppress(RequestError):
        write = writes.record_one(One(raw), arrival(), key)
        stored = decode_record(write.record.event, Event)
        assert msgspec.json.encode(write.document) == msgspec.json.encode(view(stored))


@given(st.lists(items(), max_size=4), st.sampled_from(["", "k"]))
def test_several_events_are_stored_and_refused_alike_either_way(raws: list[bytes], key: str) -> None:
    at_once = writes.record_several(Several(raws), arrival(), key)
    with exact_way_only():
        assert at_once == writes.record_several(Several(raws), arrival(), key)


def test_typical_events_are_read_at_once() -> None:
    rng = random.Random(14)
    assert all(columns_at_once(native(rng)) is not None for _ in range(100))


@pytest.mark.parametrize("name", ["tags", "links", "entities", "files", "allowed_groups"])
def test_more_elements_than_are_taken_are_left_to_the_exact_way(name: str) -> None:
    def item(size: int) -> bytes:
        elements = [str(n) for n in range(size)]
        return json.dumps(
            {"kind": "k", "title": "t", name: dict.fromkeys(elements, "") if name in ("tags", "links") else elements}
        ).encode()

    assert columns_at_once(item(MAX_ELEMENTS)) is not None
    assert columns_at_once(item(MAX_ELEMENTS + 1)) is None
