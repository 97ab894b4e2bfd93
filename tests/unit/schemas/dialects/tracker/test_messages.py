import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker import released as tracker_released
from causeline.schemas.dialects.tracker.messages import proto_event, rest_object
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Invalid
from tests.tracker_server import without_defaults

FIXTURES = Path(__file__).parents[4] / "fixtures" / "tracker"
REQUESTS = sorted(path for path in FIXTURES.glob("*.json") if path.stem != "update")
ARRIVAL = 1_800_000_000_000


def event_of(raw: dict[str, Any]) -> Event:
    columns = tracker.columns(tracker.canonicalize(raw), ARRIVAL)
    return Event(tenant="t", id="i", dialect="tracker", ingest_ts=ARRIVAL, updated_ts=ARRIVAL, raw=json.dumps(raw), **columns)


def released(event: Event) -> Any:
    return json.loads(msgspec.json.encode(tracker_released.view(event)))


def utc(node: Any) -> Any:
    """Return JSON with its times of one form: protobuf prints no zeros that say nothing."""
    if isinstance(node, dict):
        return {key: utc(value) for key, value in node.items()}
    return node.replace(".000Z", "Z") if isinstance(node, str) else node


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_an_event_of_the_document_is_the_same_over_grpc_and_released_rest(path: Path) -> None:
    event = event_of(json.loads(path.read_text()))
    assert utc(json_format.MessageToDict(proto_event(event))) == utc(without_defaults(released(event))) | {
        "links": released(event)["links"]
    }


def test_the_released_view_of_the_documents_event_structure() -> None:
    event = event_of({**json.loads((FIXTURES / "structure.json").read_text()), "slackId": "S1", "extra": [1]})
    answer = released(event)
    assert {key: answer["attributes"][key] for key in ("type", "priority", "status", "environment", "impact")} == {
        "type": "deployment",
        "priority": "P2",
        "status": "success",
        "environment": "production",
        "impact": True,
    }
    assert answer["metadata"] == {"createdAt": "2027-01-15T08:00:00.000Z", "duration": "300s", "id": "i", "slackId": "S1"}
    assert (answer["changelog"], answer["extra"]) == ([], [1])
    assert set(answer) == {"title", "attributes", "links", "metadata", "changelog", "extra"}


@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ({"type": 5, "environment": "tnr"}, {"type": "rpa_usage", "environment": "TNR"}),
        ({"impact": 0}, {"impact": False}),
        ({"impact": None, "environment": 4}, {"impact": None, "environment": "UAT"}),
        ({"status": "waiting-approval"}, {"status": "waiting_approval"}),
    ],
)
def test_codes_are_shown_by_the_names_of_the_proto(attributes: dict[str, Any], shown: dict[str, Any]) -> None:
    assert released(event_of({"title": "t", "attributes": attributes}))["attributes"] == shown


@pytest.mark.parametrize(
    ("start", "end", "duration"),
    [
        ("2024-01-15", "2024-01-15T00:00:01.5Z", "1.500s"),
        ("2024-01-15", "2024-01-15", "0s"),
        ("2024-01-16", "2024-01-15", None),
        ("2024-01-16", None, None),
        (None, "2024-01-15", None),
    ],
)
def test_the_duration_is_from_start_to_end(start: str | None, end: str | None, duration: str | None) -> None:
    event = event_of({"title": "t", "attributes": {"startDate": start, "endDate": end}})
    assert released(event)["metadata"]["duration"] == duration
    assert proto_event(event).metadata.HasField("duration") == (duration is not None)


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("2024-01-15T10:00:00.123456789Z", 1_705_312_800, 123_456_789),
        ("2024-01-15T12:00:00.5+02:00", 1_705_312_800, 500_000_000),
        ("2024-01-15T10:00:00.1234567891Z", 1_705_312_800, 123_456_789),
        ("2024-01-15", 1_705_276_800, 0),
        ("20240115T100000,25Z", 1_705_312_800, 250_000_000),
    ],
)
def test_a_time_keeps_what_a_timestamp_can_hold(text: str, seconds: int, nanos: int) -> None:
    timestamp = proto_event(event_of({"title": "t", "attributes": {"startDate": text}})).attributes.start_date
    assert (timestamp.seconds, timestamp.nanos) == (seconds, nanos)


def test_a_request_is_the_rest_body_that_says_the_same() -> None:
    attributes = pb.EventAttributes(
        type=pb.incident,
        status=pb.open,
        impact=True,
        related_id="r",
        start_date=Timestamp(seconds=1_705_312_800, nanos=5),
        stake_holders=["a", "b"],
    )
    request = pb.UpdateEventRequest(id="i", attributes=attributes, links=pb.EventLinks(pull_request_link="p"), slack_id="S")
    assert rest_object(request) == {
        "id": "i",
        "slackId": "S",
        "attributes": {
            "type": 4,
            "status": 9,
            "impact": True,
            "relatedId": "r",
            "startDate": "2024-01-15T10:00:00.000000005Z",
            "stakeHolders": ["a", "b"],
        },
        "links": {"pullRequestLink": "p"},
    }


def test_what_is_default_was_not_sent() -> None:
    request = pb.UpdateEventRequest(
        title="", attributes=pb.EventAttributes(message="", impact=False, type=pb.TYPE_UNSPECIFIED, stake_holders=[])
    )
    assert rest_object(request) == {"attributes": {}}


@pytest.mark.parametrize("moment", [{"seconds": 1 << 60}, {"seconds": -(1 << 60)}, {"nanos": -1}, {"nanos": 2_000_000_000}])
def test_a_timestamp_that_is_no_time_is_refused_with_its_field(moment: dict[str, int]) -> None:
    with pytest.raises(Invalid, match=r"attributes\.startDate"):
        rest_object(pb.CreateEventRequest(attributes=pb.EventAttributes(start_date=Timestamp(**moment))))
