"""Whatever a client sends is stored and shown, or refused with a reason; and whatever is stored can be patched by whatever is accepted."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.changes import Change
from causeline.ingest.dialects.tracker import writes
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Invalid, Malformed
from causeline.schemas.wire import codec

NOW = 1_800_000_000_000

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-1, 12)
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=8)
    | st.sampled_from(["P1", "open", "production", "2024-01-15", "2024-01-15T10:00:00+02:00", "7", "\x00", "\ud800", ""])
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4
)


def _mostly(*valid: Any) -> st.SearchStrategy[Any]:
    return st.integers(0, 19).flatmap(lambda n: st.sampled_from(valid) if n else _values)


_time = _mostly("2024-01-15", "2024-01-15T10:00:00+02:00", "2261-12-31T23:59:59.999999Z", None)
_text = _mostly("", "x", "日本", None)
_attributes = st.fixed_dictionaries(
    {},
    optional={
        "type": _mostly(1, "4", "drift", 5.0, None),
        "status": _mostly(1, "planned", "Open", None),
        "environment": _mostly(7, "pre-production", None),
        "priority": _mostly("P1", 5, None),
        "impact": _mostly(0, 3, "high", None),
        "startDate": _time,
        "start_date": _time,
        "endDate": _time,
        "service": _text,
        "message": _text,
        "related_id": _text,
        "stakeHolders": _mostly([], ["a", "b"], None),
        "x": _values,
    },
)
_links = st.fixed_dictionaries({}, optional={"ticket": _text, "pull_request_link": _text, "x": _values})
_bodies = st.fixed_dictionaries(
    {"title": _mostly("t", "u")},
    optional={
        "attributes": _attributes,
        "links": _links,
        "id": _mostly("mine", 5),
        "event": _mostly({}, 5),
        "extra": _mostly([1, 2.5], {"a": None}),
    },
)


def created(body: dict[str, Any]) -> Change | None:
    try:
        return writes.create(json.dumps(body).encode(), tenant="t", key="", now=NOW, new_id=lambda ts: ids.uuid7(ts, bytes(10)))
    except (Malformed, Invalid):
        return None


@given(_bodies)
def test_a_body_is_stored_and_shown_or_refused(body: dict[str, Any]) -> None:
    change = created(body)
    if change is None:
        return
    assert codec.decode_record(change.record.event, Event) == change.event
    answer = json.loads(msgspec.json.encode(tracker.view_one(change.event)))
    assert answer["title"] == body["title"]
    assert answer["event"] == {key: value for key, value in answer.items() if key != "event"}
    again = created({key: value for key, value in answer.items() if key != "event"})
    assert again is not None, "what is shown can be sent again"


@given(_bodies, _bodies)
def test_what_is_accepted_as_a_patch_can_be_applied(body: dict[str, Any], patch: dict[str, Any]) -> None:
    change = created(body)
    if change is None:
        return
    try:
        request = writes.update_of(json.dumps({**patch, "id": change.event.id}).encode())
    except (Malformed, Invalid):
        return
    patched = writes.update(request.patch, change.event, key="", now=NOW, record_id="r")
    assert (patched.event.version, patched.event.title) == (2, patch["title"])
    tracker.view(patched.event)
