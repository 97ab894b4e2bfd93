import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.apitraffic import mapping as apitraffic
from causeline.schemas.records.event import Event

ARRIVAL = 1_705_329_005_000  # 2024-01-15T14:30:05Z
START = 1_705_329_000_000
FULL: dict[str, Any] = {
    "type": "incident",
    "name": "Database connection spike",
    "description": "pool exhausted",
    "source": "manual",
    "metadata": {"commitSha": "a1b2", "branch": "main", "actor": "jsmith", "imageTag": "v2", "flags": {"canary": True}, "gone": None},
    "bucketSids": ["bkt_1", "bkt_2"],
    "environmentSids": ["env_1"],
    "startedAt": "2024-01-15T16:30:00+02:00",
    "endedAt": None,
    "region": "eu",
}


def event_of(raw: dict[str, Any]) -> Event:
    raw = apitraffic.with_environments(raw)
    return Event(
        tenant="acc_a",
        id="018bcfe5-6800-7a8f-8819-74562cfd5fa8",
        dialect="apitraffic",
        ingest_ts=ARRIVAL,
        updated_ts=ARRIVAL,
        raw=apitraffic.raw_text(raw),
        **apitraffic.columns(raw, ARRIVAL),
    )


def patched(patch: Any, raw: dict[str, Any] | None = None) -> Event:
    return DIALECTS.merge(event_of(raw or FULL), json.dumps(patch))


def test_every_column_is_filled_from_its_field() -> None:
    event = event_of(FULL)
    assert (event.kind, event.status, event.title, event.text, event.source) == (
        "incident",
        "ongoing",
        "Database connection spike",
        "pool exhausted",
        "manual",
    )
    assert (event.ts, event.start, event.end) == (START, START, None)
    assert (event.commit, event.branch, event.actor, event.release) == ("a1b2", "main", "jsmith", "v2")
    assert (event.environment, event.entities) == ("env_1", ["bkt_1", "bkt_2"])
    assert event.tags == {"commitSha": "a1b2", "branch": "main", "actor": "jsmith", "imageTag": "v2", "flags.canary": "true"}


def test_what_is_left_out_has_the_defaults_of_the_document() -> None:
    event = event_of({"type": "scale", "name": "n"})
    answer = apitraffic.view(event)
    assert (answer["bucketSids"], answer["environmentSids"]) == (["*"], ["*"])
    assert (answer["startedAt"], answer["endedAt"], answer["createdAt"]) == ("2024-01-15T14:30:05.000Z", None, "2024-01-15T14:30:05.000Z")
    assert (answer["description"], answer["source"], answer["metadata"]) == (None, None, None)
    assert (event.environment, event.status, event.tags) == ("", "", {})


@pytest.mark.parametrize("environments", [["*"], ["env_1", "env_2"], ["*", "env_1"], None])
def test_the_environment_is_the_one_that_is_named(environments: list[str] | None) -> None:
    assert event_of({**FULL, "environmentSids": environments}).environment == ""


def test_times_go_out_with_milliseconds_in_utc_and_unknown_fields_as_they_came() -> None:
    answer = apitraffic.view(event_of({**FULL, "endedAt": "2024-01-15T15:00:00.123456789Z", "sid": "mine", "createdAt": "never"}))
    assert (answer["startedAt"], answer["endedAt"]) == ("2024-01-15T14:30:00.000Z", "2024-01-15T15:00:00.123Z")
    assert answer["region"] == "eu"
    assert answer["metadata"] == FULL["metadata"]
    assert answer["sid"].startswith("evt_")
    assert (answer["accountSid"], answer["createdAt"]) == ("acc_a", "2024-01-15T14:30:05.000Z")


@pytest.mark.parametrize(
    ("raw", "signal"),
    [
        ({"type": "incident"}, "open"),
        ({"type": "incident", "endedAt": None}, "open"),
        ({"type": "incident", "endedAt": "2024-01-16T00:00:00Z"}, "close"),
        ({"type": "deployment"}, ""),
        ({"type": "deployment", "endedAt": "2024-01-16T00:00:00Z"}, ""),
    ],
)
def test_an_incident_is_open_until_it_has_ended(raw: dict[str, Any], signal: str) -> None:
    assert DIALECTS.signal_of(event_of({"name": "n", **raw})) == signal


def test_a_patch_changes_only_what_it_names() -> None:
    event = patched({"endedAt": "2024-01-15T15:00:00.000Z", "description": "resolved"})
    assert json.loads(event.raw) == {**FULL, "endedAt": "2024-01-15T15:00:00.000Z", "description": "resolved"}
    assert (event.version, event.status, event.text, event.end) == (2, "ended", "resolved", START + 1_800_000)
    again = DIALECTS.merge(event, '{"endedAt": null}')
    assert (again.status, again.end) == ("ongoing", None)
    assert apitraffic.view(again)["endedAt"] is None


def test_metadata_is_replaced_as_a_whole() -> None:
    event = patched({"metadata": {"commitSha": "b2"}})
    assert (event.commit, event.branch, event.tags) == ("b2", "", {"commitSha": "b2"})
    assert apitraffic.view(event)["metadata"] == {"commitSha": "b2"}
    without = patched({"metadata": None})
    assert (without.tags, apitraffic.view(without)["metadata"]) == ({}, None)


def test_null_takes_a_scope_and_a_start_back_to_their_defaults() -> None:
    event = patched({"bucketSids": None, "environmentSids": None, "startedAt": None})
    assert (event.entities, event.environment, event.ts, event.start) == (["*"], "", ARRIVAL, ARRIVAL)
    assert json.loads(event.raw)["environmentSids"] == ["*"]


def test_the_servers_own_fields_cannot_be_patched() -> None:
    event = patched({"sid": "evt_x", "accountSid": "acc_b", "createdAt": "2000-01-01T00:00:00Z"})
    assert json.loads(event.raw) == FULL
    assert event.tenant == "acc_a"


@pytest.mark.parametrize("patch", ["", "[]", "{", '{"type":5,"metadata":3}', '{"startedAt":"soon"}', '{"environmentSids":7}'])
def test_a_patch_that_cannot_be_applied_is_a_value_error(patch: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each damage has its own words
        DIALECTS.merge(event_of(FULL), patch)


@pytest.mark.parametrize("raw", ["", "[]", "{}", '{"type":"scale"}'])
def test_a_damaged_stored_event_is_a_value_error(raw: str) -> None:
    with pytest.raises(ValueError, match="cannot be applied"):
        DIALECTS.merge(msgspec.structs.replace(event_of(FULL), raw=raw), "{}")


_values: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["incident", "deployment", "custom"]),
    "name": st.text(min_size=1, max_size=5),
    "description": st.none() | st.text(max_size=5),
    "source": st.none() | st.text(max_size=5),
    "metadata": st.none() | st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3), max_size=3),
    "bucketSids": st.none() | st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=3),
    "environmentSids": st.none() | st.lists(st.sampled_from(["*", "env_1"]), min_size=1, max_size=2),
    "startedAt": st.sampled_from([None, "2024-01-15T10:00:00Z", "2030-01-01T00:00:00+05:30"]),
    "endedAt": st.sampled_from([None, "2024-02-15T10:00:00Z"]),
    "x": st.integers(),
}


@st.composite
def disjoint_patches(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two patches that share no field."""
    pair: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for name, strategy in _values.items():
        side = draw(st.sampled_from([0, 1, None]))
        if side is not None:
            pair[side][name] = draw(strategy)
    return pair


@given(disjoint_patches())
def test_patches_of_different_fields_commute(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    a, b = (json.dumps(patch) for patch in pair)
    base = event_of(FULL)
    one, other = DIALECTS.merge(DIALECTS.merge(base, a), b), DIALECTS.merge(DIALECTS.merge(base, b), a)
    assert apitraffic.view(one) == apitraffic.view(other)
    assert msgspec.structs.replace(one, raw="") == msgspec.structs.replace(other, raw="")
    assert one.version == 3


@given(disjoint_patches())
def test_what_is_shown_can_be_sent_again_and_fills_the_same_columns(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    event = DIALECTS.merge(event_of(FULL), json.dumps(pair[0]))
    for name, value in apitraffic.columns(apitraffic.view(event), event.ingest_ts).items():
        assert getattr(event, name) == value
