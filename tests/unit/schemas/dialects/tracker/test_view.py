import json
from pathlib import Path
from typing import Any

import pytest

from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker import released
from causeline.schemas.records.event import Event

FIXTURES = Path(__file__).parents[4] / "fixtures" / "tracker"
REQUESTS = sorted(path for path in FIXTURES.glob("*.json") if path.stem != "update")
ARRIVAL = 1_800_000_000_000
ID = "018bcfe5-6800-7a8f-8819-74562cfd5fa8"


def event_of(raw: dict[str, Any]) -> Event:
    columns = tracker.columns(tracker.canonicalize(raw), ARRIVAL)
    return Event(tenant="t", id=ID, dialect="tracker", ingest_ts=ARRIVAL, updated_ts=ARRIVAL, raw=json.dumps(raw), **columns)


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_an_event_of_the_document_comes_back_as_it_was_sent(path: Path) -> None:
    body = json.loads(path.read_text())
    answer = tracker.view(event_of(body))
    metadata = answer.pop("metadata")
    assert answer == {"links": {}, **body, "id": ID, "createdAt": "2027-01-15T08:00:00.000Z"}
    assert (metadata["id"], metadata["createdAt"], metadata["slackId"]) == (ID, "2027-01-15T08:00:00.000Z", "")


def test_the_columns_of_the_documents_event_structure() -> None:
    event = event_of(json.loads((FIXTURES / "structure.json").read_text()))
    assert (event.kind, event.status, event.environment, event.priority, event.severity) == (
        "deployment",
        "success",
        "production",
        "P2",
        "2",
    )
    assert (event.start, event.end) == (1_705_312_800_000, 1_705_313_100_000)
    assert event.ts == event.start
    assert (event.title, event.text) == ("Deploy user-service v2.1.0 to production", "Deployed via GitHub Actions workflow")
    assert (event.service, event.source, event.owner, event.team) == ("user-service", "github_actions", "platform-team", "backend-team")
    assert event.related_id == "parent-event-uuid"
    assert event.links == {"pullRequestLink": "https://github.com/org/repo/pull/123", "ticket": "PROJ-456"}


@pytest.mark.parametrize("raw", [{"title": "t"}, {"title": "t", "attributes": None, "links": None}, {"title": "t", "attributes": {}}])
def test_a_title_alone_is_an_event_whose_columns_stay_empty(raw: dict[str, Any]) -> None:
    event = event_of(raw)
    assert (event.ts, event.start, event.end) == (ARRIVAL, None, None)
    assert {event.kind, event.status, event.environment, event.priority, event.severity, event.service, event.team} == {""}
    metadata = {"id": ID, "createdAt": "2027-01-15T08:00:00.000Z", "duration": None, "slackId": ""}
    expected = {"id": ID, "title": "t", "createdAt": "2027-01-15T08:00:00.000Z", "attributes": {}, "links": {}, "metadata": metadata}
    assert tracker.view(event) == expected


def test_names_and_snake_case_go_out_as_integers_and_camel_case() -> None:
    raw = {
        "title": "t",
        "attributes": {
            "type": "Deployment",
            "priority": "p1",
            "status": "3",
            "environment": "pre-production",
            "impact": "high",
            "related_id": "r",
            "start_date": "2024-01-15",
            "end_date": "2024-01-15T10:00:00+01:00",
            "stake_holders": ["a", "b"],
        },
        "links": {"pull_request_link": "https://x"},
    }
    answer = tracker.view(event_of(raw))
    assert answer["attributes"] == {
        "type": 1,
        "priority": 1,
        "status": 3,
        "environment": 6,
        "impact": 3,
        "relatedId": "r",
        "startDate": "2024-01-15T00:00:00.000Z",
        "endDate": "2024-01-15T10:00:00+01:00",
        "stakeHolders": ["a", "b"],
    }
    assert answer["links"] == {"pullRequestLink": "https://x"}


def test_unknown_fields_stand_where_they_stood() -> None:
    raw = {
        "title": "t",
        "region": {"name": "eu", "zones": [1, 2.5, None]},
        "attributes": {"canary": False, "weights": []},
        "links": {"docs": "https://d", "more": ["x"]},
    }
    event = event_of(raw)
    answer = tracker.view(event)
    assert {key: answer[key] for key in raw} == raw
    assert event.links == {"docs": "https://d"}


def test_what_only_the_server_says_is_not_taken_from_the_client() -> None:
    answer = tracker.view_one(event_of({"title": "t", "id": "mine", "createdAt": "never", "event": 1}))
    assert answer["id"] == ID
    assert answer["createdAt"] == "2027-01-15T08:00:00.000Z"
    assert answer["event"] == {key: value for key, value in answer.items() if key != "event"}


def test_explicit_empty_values_are_shown() -> None:
    attributes: dict[str, Any] = {"notification": False, "impact": 0, "owner": None, "stakeHolders": [], "type": None, "startDate": None}
    assert tracker.view(event_of({"title": "t", "attributes": attributes}))["attributes"] == attributes


@pytest.mark.parametrize("sent", [True, False, 2, 0, "high"])
def test_an_impact_comes_back_as_it_was_sent(sent: object) -> None:
    answer = tracker.view(event_of({"title": "t", "attributes": {"impact": sent}}))["attributes"]["impact"]
    assert (answer, type(answer)) == ((3, int) if sent == "high" else (sent, type(sent)))


@pytest.mark.parametrize("view", [tracker.view_one, released.view_one])
def test_both_profiles_tell_the_metadata_flat_and_under_event(view: Any) -> None:
    answer = view(event_of({"title": "t", "slackId": "S", "metadata": {"id": "mine", "created_at": 1, "commit": "a1b2"}}))
    metadata = {"id": ID, "createdAt": "2027-01-15T08:00:00.000Z", "duration": None, "slackId": "S", "commit": "a1b2"}
    assert answer["metadata"] == answer["event"]["metadata"] == metadata


def test_many_events_carry_the_total_of_all_matches() -> None:
    event = event_of({"title": "t"})
    assert tracker.view_many([event], 7) == {"events": [tracker.view(event)], "totalCount": 7}


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"attributes": {"startDate": None, "start_date": None}}, "attributes.startDate"),
        ({"links": {"pull_request_link": "a", "pullRequestLink": "b"}}, "links.pullRequestLink"),
    ],
)
def test_a_field_in_both_spellings_is_refused(raw: dict[str, Any], path: str) -> None:
    with pytest.raises(ValueError, match=f"{path} is given in both spellings"):
        tracker.canonicalize(raw)


@pytest.mark.parametrize(
    ("text", "event_id"),
    [
        (ID, ID),
        (ID.upper(), ID),
        ("507f1f77bcf86cd799439011", None),
        ("", None),
        (ID.replace("-", ""), None),
        ("../x", None),
        (ID + "\n", None),
    ],
)
def test_only_a_uuid_can_name_an_event(text: str, event_id: str | None) -> None:
    assert tracker.parse_event_id(text) == event_id


def test_stored_json_that_is_no_object_is_an_error() -> None:
    with pytest.raises(ValueError, match="JSON object"):
        tracker.parse_canonical("[1]")
