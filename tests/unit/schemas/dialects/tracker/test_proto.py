import subprocess
import sys
from pathlib import Path

import pytest

from causeline.schemas.dialects.tracker.codes import CODE_NAMES, CodeField, released_name
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb

ROOT = Path(__file__).parents[5] / "schemas"
PROTO = Path("causeline/schemas/proto/tracker/event/v1alpha1/event.proto")
GENERATED = ("event_pb2.py", "event_pb2.pyi", "event_pb2_grpc.py")

_OURS = 100
"""Numbers above are what Causeline adds to a message of the released Tracker."""
_STATS = "start_date end_date environments impact priorities types statuses source service"
FIELDS = {
    "EventAttributes": "message source type priority related_id service status environment impact start_date end_date owner stake_holders "
    "notification notifications",
    "EventMetadata": "created_at duration id slack_id",
    "EventLinks": "pull_request_link ticket",
    "ChangelogEntry": "timestamp user change_type field old_value new_value comment",
    "Event": "title attributes links metadata changelog",
    "CreateEventRequest": "title attributes links slack_id",
    "CreateEventResponse": "event",
    "UpdateEventRequest": "title attributes links slack_id id",
    "UpdateEventResponse": "event",
    "GetEventRequest": "id",
    "GetEventResponse": "event",
    "DeleteEventRequest": "id slack_id",
    "DeleteEventResponse": "id slack_id",
    "SearchEventsRequest": "source type priority status service start_date end_date environment impact slack_id",
    "SearchEventsResponse": "events total_count",
    "ListEventsRequest": "per_page page",
    "ListEventsResponse": "events total_count",
    "TodayEventsRequest": "per_page page",
    "TodayEventsResponse": "events total_count",
    "AddChangelogEntryRequest": "id entry",
    "AddChangelogEntryResponse": "event",
    "GetEventChangelogRequest": "id per_page page",
    "GetEventChangelogResponse": "changelog total_count",
    "AddSlackIdRequest": "id slack_id",
    "AddSlackIdResponse": "event",
    "GetEventStatsRequest": _STATS,
    "GetEventStatsResponse": "total_count start_date end_date",
    "GetEventStatsByMonthRequest": f"{_STATS} group_by_service",
    "GetEventStatsByMonthResponse": "stats total_count start_date end_date",
    "MonthlyStats": "year month count service",
    "MonthCounts": "month total_count by_type by_status",
}
METHODS = {
    "CreateEvent": "CreateEvent",
    "UpdateEvent": "UpdateEvent",
    "DeleteEvents": "DeleteEvent",
    "GetEvent": "GetEvent",
    "SearchEvents": "SearchEvents",
    "ListEvents": "ListEvents",
    "TodayEvents": "TodayEvents",
    "AddChangelogEntry": "AddChangelogEntry",
    "GetEventChangelog": "GetEventChangelog",
    "AddSlackId": "AddSlackId",
    "GetEventStats": "GetEventStats",
    "GetEventStatsByMonth": "GetEventStatsByMonth",
}
ENUMS: dict[str, CodeField] = {"Type": "type", "Priority": "priority", "Status": "status", "Environment": "environment"}


def test_the_generated_code_is_that_of_the_proto(tmp_path: Path) -> None:
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT), *outputs, str(PROTO)], cwd=ROOT, check=True)
    for name in GENERATED:
        assert (tmp_path / PROTO).with_name(name).read_text() == (ROOT / PROTO).with_name(name).read_text(), name


@pytest.mark.parametrize("name", FIELDS)
def test_the_fields_of_a_message_have_the_numbers_that_released_clients_send(name: str) -> None:
    fields = pb.DESCRIPTOR.message_types_by_name[name].fields
    released = [(field.number, field.name) for field in fields if field.number <= _OURS]
    assert released == list(enumerate(FIELDS[name].split(), 1))


def test_no_message_is_left_out_of_the_table() -> None:
    assert set(pb.DESCRIPTOR.message_types_by_name) == set(FIELDS)


def test_the_service_has_the_methods_of_the_released_tracker() -> None:
    service = pb.DESCRIPTOR.services_by_name["EventService"]
    assert service.full_name == "tracker.event.v1alpha1.EventService"
    methods = {method.name: (method.input_type.name, method.output_type.name) for method in service.methods}
    assert methods == {method: (f"{message}Request", f"{message}Response") for method, message in METHODS.items()}


@pytest.mark.parametrize(("enum", "field"), ENUMS.items())
def test_an_enum_is_the_table_of_codes_of_the_profile_released(enum: str, field: CodeField) -> None:
    values = {value.number: value.name for value in pb.DESCRIPTOR.enum_types_by_name[enum].values}
    assert values.pop(0) == f"{enum.upper()}_UNSPECIFIED"
    assert values == {number: released_name(field, name) for number, name in CODE_NAMES["released"][field].items()}


def test_types_that_travel_otherwise_would_break_clients() -> None:
    attributes = pb.DESCRIPTOR.message_types_by_name["EventAttributes"].fields_by_name
    assert attributes["impact"].type == attributes["notification"].type == attributes["impact"].TYPE_BOOL
    assert {attributes[name].message_type.full_name for name in ("start_date", "end_date")} == {"google.protobuf.Timestamp"}
    search = pb.DESCRIPTOR.message_types_by_name["SearchEventsRequest"].fields_by_name
    assert search["start_date"].type == search["end_date"].type == search["start_date"].TYPE_STRING
    paging = pb.DESCRIPTOR.message_types_by_name["ListEventsRequest"].fields_by_name
    assert [paging[name].message_type.name for name in ("per_page", "page")] == ["UInt32Value", "Int32Value"]
