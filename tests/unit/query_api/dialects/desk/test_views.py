import json
from typing import Any

import msgspec
import pytest

from causeline.query_api.dialects.desk.views import entry_of, impact_of
from causeline.schemas.values import ids
from tests.desk_samples import COLUMNS, MINUTE, NOW, PROBLEM_TYPES, event_of, minimal, pushed


def shown(payload: dict[str, Any], now: int = NOW) -> dict[str, Any]:
    entry: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(entry_of(event_of(pushed(payload).records[0]), now)))
    return entry


def test_an_information_only_event_is_shown_closed_with_start_and_end() -> None:
    payload = minimal("CUSTOM_INFO", start=NOW - 9, end=NOW - 4, title="t", customProperties={"x": 1})
    (record,) = pushed(payload).records
    assert shown(payload) == {
        "eventId": ids.signed_low(record.id),
        "startTime": NOW - 9,
        "endTime": NOW - 4,
        "entityId": "HOST-0123456789ABCDEF",
        "entityName": "HOST-0123456789ABCDEF",
        "impactLevel": "INFRASTRUCTURE",
        "eventType": "CUSTOM_INFO",
        "eventStatus": "CLOSED",
        "tags": [],
        "id": f"{ids.signed_low(record.id)}_{NOW - 9}",
        "source": "a source",
        "description": "a description",
        "title": "t",
        "customProperties": {"x": 1},
    }


@pytest.mark.parametrize(("event_type", "level"), [(name, name.removesuffix("_EVENT")) for name in PROBLEM_TYPES])
def test_a_problem_shows_its_severity_and_its_correlation_id(event_type: str, level: str) -> None:
    entry = shown(minimal(event_type))
    assert entry["severityLevel"] == level
    assert [entry["correlationId"]] == pushed(minimal(event_type)).result["storedCorrelationIds"]


@pytest.mark.parametrize(
    ("now", "status", "end"),
    [
        (NOW, "OPEN", -1),
        (NOW + 15 * MINUTE - 1, "OPEN", -1),
        (NOW + 15 * MINUTE, "CLOSED", NOW + 15 * MINUTE),
        (NOW + 99 * MINUTE, "CLOSED", NOW + 15 * MINUTE),
    ],
)
def test_a_problem_is_closed_at_its_deadline_whoever_has_noticed_it(now: int, status: str, end: int) -> None:
    entry = shown(minimal("ERROR_EVENT"), now)
    assert (entry["eventStatus"], entry["endTime"]) == (status, end)


def test_a_refreshed_problem_is_open_until_its_new_deadline() -> None:
    event = msgspec.structs.replace(event_of(pushed(minimal("ERROR_EVENT")).records[0]), version=2, deadline=NOW + 29 * MINUTE)
    assert entry_of(event, NOW + 29 * MINUTE - 1)["eventStatus"] == "OPEN"
    assert entry_of(event, NOW + 29 * MINUTE)["endTime"] == NOW + 29 * MINUTE


def test_a_timed_out_problem_keeps_the_end_that_was_stored() -> None:
    event = event_of(pushed(minimal("ERROR_EVENT")).records[0])
    closed = msgspec.structs.replace(event, version=3, status="closed", end=NOW + MINUTE, deadline=NOW + MINUTE)
    entry = entry_of(closed, NOW + 2 * MINUTE)
    assert (entry["eventStatus"], entry["endTime"]) == ("CLOSED", NOW + MINUTE)


@pytest.mark.parametrize(
    ("entity", "impact"),
    [
        ("APPLICATION-1", "APPLICATION"),
        ("APPLICATION_METHOD-1", "APPLICATION"),
        ("CUSTOM_APPLICATION-1", "APPLICATION"),
        ("MOBILE_APPLICATION-1", "APPLICATION"),
        ("SERVICE-1", "SERVICE"),
        ("SERVICE_INSTANCE-1", "SERVICE"),
        ("ENVIRONMENT-1", "ENVIRONMENT"),
        ("HOST-1", "INFRASTRUCTURE"),
        ("AWS_APPLICATION_LOAD_BALANCER-1", "INFRASTRUCTURE"),
        ("", "INFRASTRUCTURE"),
    ],
)
def test_the_type_of_the_entity_tells_the_impact(entity: str, impact: str) -> None:
    assert impact_of(entity) == impact


@pytest.mark.parametrize("event_type", COLUMNS.values())
def test_absent_elements_are_left_out_and_integers_stay_integers(event_type: str) -> None:
    entry = shown(minimal(event_type))
    assert None not in entry.values()
    assert isinstance(entry["eventId"], int)
    assert "customProperties" not in entry


def test_numbers_come_back_as_they_were_sent() -> None:
    body = json.dumps(minimal("CUSTOM_INFO", customProperties={"n": "X"})).replace('"X"', "[1.10, 1e400, 12345678901234567890123]")
    answer = msgspec.json.encode(entry_of(event_of(pushed(body.encode()).records[0]), NOW))
    assert b'"customProperties":{"n":[1.10,1e400,12345678901234567890123]}' in answer
