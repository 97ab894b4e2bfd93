import json
from typing import Any

import msgspec
import pytest

from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.tracker import changelog, released
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.changelog import MAX_ENTRIES, MAX_ENTRY_VALUE, StoredEntry, entries
from causeline.schemas.dialects.tracker.messages import proto_event, rest_object
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.records.event import Event

ARRIVAL = 1_800_000_000_000
AT = "2027-01-15T08:00:01.000Z"


def event_of(raw: dict[str, Any]) -> Event:
    columns = tracker.columns(tracker.canonicalize(raw), ARRIVAL)
    return Event(tenant="t", id="i", dialect="tracker", ingest_ts=ARRIVAL, updated_ts=ARRIVAL, raw=json.dumps(raw), **columns)


def patched(event: Event, patch: dict[str, Any], user: str = "") -> Event:
    return DIALECTS.merge(event, json.dumps({**patch, "changelog": changelog.stamp(ARRIVAL + 1_000, user)}))


def log_of(event: Event) -> list[StoredEntry]:
    return entries(json.loads(event.raw))


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ({"title": "u"}, ("updated", "title", "t", "u")),
        ({"attributes": {"status": 3}}, ("status_changed", "status", "start", "success")),
        ({"attributes": {"status": "SUCCESS"}}, ("status_changed", "status", "start", "success")),
        ({"attributes": {"priority": None}}, ("updated", "priority", "P1", "")),
        ({"attributes": {"stakeHolders": ["b"]}}, ("updated", "stakeHolders", '["a"]', '["b"]')),
        ({"attributes": {"notification": True}}, ("updated", "notification", "", "true")),
        ({"attributes": {"relatedId": "r"}}, ("linked", "relatedId", "", "r")),
        ({"links": {"ticket": "T-1"}}, ("linked", "ticket", "", "T-1")),
        ({"slackId": "S"}, ("linked", "slackId", "", "S")),
        ({"extra": {"a": 1}}, ("updated", "extra", "", '{"a":1}')),
    ],
)
def test_a_change_is_told_with_what_it_was_and_is(patch: dict[str, Any], told: tuple[str, ...]) -> None:
    event = event_of({"title": "t", "attributes": {"status": 1, "priority": "P1", "stakeHolders": ["a"]}})
    (entry,) = log_of(patched(event, patch, "ops"))
    assert (entry.change_type, entry.field, entry.old_value, entry.new_value) == told
    assert (entry.timestamp, entry.user, entry.comment) == (AT, "ops", "")


@pytest.mark.parametrize("patch", [{}, {"title": "t"}, {"attributes": {"status": "start", "owner": None}}, {"attributes": {"type": "1"}}])
def test_what_says_the_same_is_no_change(patch: dict[str, Any]) -> None:
    event = event_of({"title": "t", "attributes": {"status": 1, "type": "deployment"}})
    assert log_of(patched(event, patch)) == []


def test_a_patch_without_a_stamp_leaves_the_changelog_as_it_is() -> None:
    event = patched(event_of({"title": "t"}), {"title": "u"})
    assert log_of(DIALECTS.merge(event, '{"title": "v"}')) == log_of(event)


def test_entries_follow_each_other_and_the_oldest_give_way() -> None:
    event = event_of({"title": "0"})
    for number in range(1, MAX_ENTRIES + 6):
        event = patched(event, {"title": str(number)})
    log = log_of(event)
    assert len(log) == MAX_ENTRIES
    assert [(entry.old_value, entry.new_value) for entry in log] == [(str(n), str(n + 1)) for n in range(5, MAX_ENTRIES + 5)]


def test_values_are_cut() -> None:
    (entry,) = log_of(patched(event_of({"title": "t"}), {"title": "é" * 5_000}))
    assert entry.new_value == "é" * MAX_ENTRY_VALUE


@pytest.mark.parametrize("held", ["x", 1, {"a": 1}, ["x"], [{"timestamp": 1}]])
def test_a_changelog_in_another_shape_is_none(held: object) -> None:
    assert entries({"changelog": held}) == []


def over_rest(event: Event) -> Any:
    return json.loads(msgspec.json.encode(released.view_one(event)))


def over_grpc(event: Event) -> Any:
    message = proto_event(event)
    return rest_object(pb.UpdateEventRequest(title=message.title, attributes=message.attributes, links=message.links))


@pytest.mark.parametrize("told", [over_rest, over_grpc])
def test_an_event_that_comes_back_in_the_words_of_another_profile_did_not_change(told: Any) -> None:
    """The released Tracker has no levels of impact, and a Timestamp has neither dates nor offsets."""
    times = {"startDate": "2024-01-15", "endDate": "2024-01-15T12:00:00.25+02:00"}
    event = event_of({"title": "t", "attributes": {**times, "impact": 3, "status": 4, "type": 5}, "metadata": {"commit": "a1"}})
    patch = tracker.with_code_names(tracker.canonicalize({**told(event), "title": "u"}), "released")
    after = patched(event, patch)
    assert [entry.field for entry in log_of(after)] == ["title"]
    assert (after.severity, after.start, after.end) == ("3", event.start, event.end)
    assert json.loads(after.raw)["metadata"] == {"commit": "a1"}


def test_an_impact_that_is_taken_away_or_given_first_is_a_change() -> None:
    event = event_of({"title": "t", "attributes": {"impact": 3}})
    without = patched(event, {"attributes": {"impact": False}})
    again = patched(without, {"attributes": {"impact": True}})
    assert [(entry.old_value, entry.new_value) for entry in log_of(again)] == [("3", "0"), ("0", "1")]


def test_the_api_document_shows_no_changelog() -> None:
    assert "changelog" not in tracker.view(patched(event_of({"title": "t"}), {"title": "u"}))
