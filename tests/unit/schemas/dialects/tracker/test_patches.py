import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.records.event import Event

ARRIVAL = 1_800_000_000_000
START = 1_705_312_800_000
BASE: dict[str, Any] = {
    "title": "Deploy",
    "region": {"name": "eu", "zone": 1},
    "attributes": {
        "type": 1,
        "status": 1,
        "priority": "P2",
        "startDate": "2024-01-15T10:00:00Z",
        "stakeHolders": ["a", "b"],
        "notification": True,
        "impact": 2,
        "canary": {"share": 5},
    },
    "links": {"ticket": "T-1", "pullRequestLink": "https://x"},
}


def event_of(raw: dict[str, Any], version: int = 1) -> Event:
    return Event(
        tenant="t",
        id="018bcfe5-6800-7a8f-8819-74562cfd5fa8",
        version=version,
        dialect="tracker",
        ingest_ts=ARRIVAL,
        updated_ts=ARRIVAL + 1,
        raw=json.dumps(raw),
        **tracker.columns(tracker.canonicalize(raw), ARRIVAL),
    )


def patched(patch: Any, raw: dict[str, Any] | None = None) -> tuple[Event, dict[str, Any]]:
    event = DIALECTS.merge(event_of(raw or BASE), json.dumps(patch))
    return event, json.loads(event.raw)


def test_an_empty_patch_only_makes_the_next_version() -> None:
    before = event_of(BASE, version=4)
    after = DIALECTS.merge(before, b"{}")
    assert after.version == 5
    assert json.loads(after.raw) == BASE
    assert msgspec.structs.replace(after, version=4, raw=before.raw) == before


def test_what_is_absent_stays_and_columns_follow() -> None:
    event, raw = patched({"attributes": {"status": "success", "endDate": "2024-01-15T10:05:00Z"}})
    assert raw == {**BASE, "attributes": {**BASE["attributes"], "status": "success", "endDate": "2024-01-15T10:05:00Z"}}
    assert (event.title, event.kind, event.status, event.priority) == ("Deploy", "deployment", "success", "P2")
    assert (event.ts, event.start, event.end) == (START, START, START + 300_000)
    assert (event.tenant, event.ingest_ts, event.updated_ts) == ("t", ARRIVAL, ARRIVAL + 1)


def test_links_merge_key_by_key_and_null_takes_one_away() -> None:
    event, raw = patched({"links": {"ticket": None, "docs": "https://d"}})
    assert raw["links"] == {"ticket": None, "pullRequestLink": "https://x", "docs": "https://d"}
    assert event.links == {"pullRequestLink": "https://x", "docs": "https://d"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("notification", False),
        ("impact", 0),
        ("owner", None),
        ("stakeHolders", []),
        ("stakeHolders", ["c"]),
        ("canary", {"on": True}),
        ("type", None),
    ],
)
def test_explicit_values_apply_also_the_empty_ones(field: str, value: Any) -> None:
    event, raw = patched({"attributes": {field: value}})
    assert raw["attributes"][field] == value
    assert tracker.view(event)["attributes"][field] == value


def test_an_unknown_object_is_replaced_and_an_unknown_field_added() -> None:
    _, raw = patched({"region": {"name": "us"}, "wave": 2})
    assert raw["region"] == {"name": "us"}
    assert raw["wave"] == 2


@pytest.mark.parametrize("field", ["attributes", "links"])
def test_null_clears_a_whole_object(field: str) -> None:
    event, raw = patched({field: None})
    assert raw[field] is None
    assert tracker.view(event)[field] == {}


def test_an_object_that_was_not_there_is_added() -> None:
    event, _ = patched({"attributes": {"service": "db"}, "links": {"ticket": "T"}}, {"title": "t"})
    assert event.service == "db"
    assert event.links == {"ticket": "T"}


def test_both_spellings_meet_in_one_field() -> None:
    _, raw = patched(
        {"attributes": {"end_date": "2024-01-15"}}, {"title": "t", "attributes": {"start_date": "2024-01-14", "endDate": None}}
    )
    assert raw["attributes"] == {"startDate": "2024-01-14", "endDate": "2024-01-15"}


def test_the_time_follows_the_start_date_and_falls_back_to_the_arrival() -> None:
    later, _ = patched({"attributes": {"startDate": "2024-02-01"}})
    assert later.ts == later.start == 1_706_745_600_000
    without, _ = patched({"attributes": {"startDate": None}})
    assert (without.ts, without.start) == (ARRIVAL, None)


def test_the_servers_own_fields_cannot_be_patched() -> None:
    event, raw = patched({"id": "other", "createdAt": "never", "event": {}})
    assert event.id == event_of(BASE).id
    assert raw == BASE


def test_an_end_before_the_start_is_no_error_here_since_both_patches_were_acknowledged() -> None:
    event, _ = patched({"attributes": {"endDate": "2024-01-01"}})
    assert event.end is not None
    assert event.end < event.ts


@pytest.mark.parametrize(
    "patch",
    [
        "",
        "[]",
        "null",
        "{",
        '{"attributes":{"type":99}}',
        '{"title":3,"attributes":{"startDate":3}}',
        '{"attributes":[]}x',
        '{"attributes":[1]}',
    ],
)
def test_a_patch_that_cannot_be_applied_is_a_value_error(patch: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each damage has its own words
        DIALECTS.merge(event_of(BASE), patch)


def test_a_damaged_stored_event_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="cannot be applied"):
        DIALECTS.merge(msgspec.structs.replace(event_of(BASE), raw=""), "{}")


def test_a_dialect_without_patches_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="native cannot be patched"):
        DIALECTS.merge(msgspec.structs.replace(event_of(BASE), dialect="native"), "{}")


_text = st.text(max_size=5)
_attribute_values = {
    "type": st.sampled_from([1, "4", "drift", None]),
    "status": st.sampled_from([1, "7", "planned", None]),
    "service": _text | st.none(),
    "stakeHolders": st.lists(_text, max_size=2) | st.none(),
    "startDate": st.sampled_from(["2024-01-15", "2030-06-01T10:00:00+02:00", None]),
    "impact": st.sampled_from([0, 3, None]),
    "x": st.integers(-5, 5) | st.lists(st.integers(), max_size=2),
}
_link_values = {"ticket": _text | st.none(), "pullRequestLink": _text, "y": _text}


@st.composite
def disjoint_patches(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two patches that share no field."""
    pair: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for top, values in (("attributes", _attribute_values), ("links", _link_values)):
        for name, strategy in values.items():
            side = draw(st.sampled_from([0, 1, None]))
            if side is not None:
                pair[side].setdefault(top, {})[name] = draw(strategy)
    for name in ("title", "z"):
        side = draw(st.sampled_from([0, 1, None]))
        if side is not None:
            pair[side][name] = draw(_text)
    return pair


@given(disjoint_patches())
def test_patches_of_different_fields_commute(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    a, b = (json.dumps(patch) for patch in pair)
    base = event_of(BASE)
    one, other = DIALECTS.merge(DIALECTS.merge(base, a), b), DIALECTS.merge(DIALECTS.merge(base, b), a)
    assert tracker.view(one) == tracker.view(other)
    assert msgspec.structs.replace(one, raw="") == msgspec.structs.replace(other, raw="")
    assert one.version == 3


@given(disjoint_patches())
def test_what_is_shown_can_be_sent_again_and_fills_the_same_columns(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    event = DIALECTS.merge(event_of(BASE), json.dumps(pair[0]))
    again = tracker.canonicalize(tracker.view(event))
    for name, value in tracker.columns(again, event.ingest_ts).items():
        assert getattr(event, name) == value
