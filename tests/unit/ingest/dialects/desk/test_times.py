import json
from typing import Any

import pytest

from causeline.ingest.dialects.desk import writes as desk
from causeline.ingest.dialects.desk.body import DeskRules
from causeline.ingest.dialects.desk.times import Times
from causeline.schemas.web.errors import Invalid
from tests.desk_samples import DAY, INFO_TYPES, MINUTE, NOW, PROBLEM_TYPES, event_of, minimal, pushed


def times(payload: dict[str, Any]) -> Times:
    """Return the times of a push received at NOW; a start before the limit of a problem type raises as it would without open problems."""
    event_times = desk.read_push(json.dumps(payload).encode(), "default", NOW, DeskRules()).times
    if event_times.too_old is not None:
        raise event_times.too_old
    return event_times


INFO_CASES: list[tuple[dict[str, Any], tuple[int, int] | str]] = [
    ({}, (NOW, NOW)),
    ({"start": NOW - 30 * DAY}, (NOW - 30 * DAY, NOW)),
    ({"start": NOW - 30 * DAY - 1}, "start"),
    ({"start": NOW + 7 * DAY}, (NOW + 7 * DAY, NOW + 7 * DAY)),
    ({"start": NOW + 7 * DAY + 1}, "start"),
    ({"start": NOW - 5, "end": NOW - 5}, (NOW - 5, NOW - 5)),
    ({"start": NOW - 5, "end": NOW - 6}, "end"),
    ({"start": NOW, "end": NOW + 7 * DAY}, (NOW, NOW + 7 * DAY)),
    ({"start": NOW, "end": NOW + 7 * DAY + 1}, "end"),
    ({"end": NOW - 5}, (NOW - 5, NOW - 5)),
    ({"end": NOW + 5}, (NOW, NOW + 5)),
    ({"end": NOW - 30 * DAY}, (NOW - 30 * DAY, NOW - 30 * DAY)),
    ({"end": NOW - 30 * DAY - 1}, "end"),
    ({"start": str(NOW - 5), "end": float(NOW)}, (NOW - 5, NOW)),
    ({"start": None, "end": "  "}, (NOW, NOW)),
    ({"start": NOW // 1000}, "start"),
    ({"start": 0}, "start"),
    ({"start": -1}, "start"),
    ({"start": 2**63 - 1}, "start"),
    ({"timeoutMinutes": 121}, (NOW, NOW)),
    ({"timeoutMinutes": -1}, (NOW, NOW)),
    ({"timeoutMinutes": 0}, (NOW, NOW)),
]


@pytest.mark.parametrize("event_type", INFO_TYPES)
@pytest.mark.parametrize(("given", "wanted"), INFO_CASES)
def test_times_of_information_only_events(event_type: str, given: dict[str, Any], wanted: tuple[int, int] | str) -> None:
    if isinstance(wanted, str):
        with pytest.raises(Invalid, match=r"^Constraints violated\.$") as refused:
            times(minimal(event_type, **given))
        assert [field.field for field in refused.value.fields] == [wanted]
        return
    event_times = times(minimal(event_type, **given))
    assert (event_times.start, event_times.end, event_times.timeout_ms) == (*wanted, 0)


PROBLEM_CASES: list[tuple[dict[str, Any], tuple[int, int] | str]] = [
    ({}, (NOW, 15)),
    ({"start": NOW - 60 * MINUTE}, (NOW - 60 * MINUTE, 15)),
    ({"start": NOW - 60 * MINUTE - 1}, "start"),
    ({"start": NOW + 5 * MINUTE}, (NOW + 5 * MINUTE, 15)),
    ({"start": NOW + 5 * MINUTE + 1}, "start"),
    ({"start": NOW // 1000}, "start"),
    ({"end": 5}, (NOW, 15)),
    ({"end": "not even a number"}, (NOW, 15)),
    ({"timeoutMinutes": None}, (NOW, 15)),
    ({"timeoutMinutes": 0}, (NOW, 15)),
    ({"timeoutMinutes": 1}, (NOW, 1)),
    ({"timeoutMinutes": "30"}, (NOW, 30)),
    ({"timeoutMinutes": 120.0}, (NOW, 120)),
    ({"timeoutMinutes": 121}, "timeoutMinutes"),
    ({"timeoutMinutes": -1}, "timeoutMinutes"),
    ({"timeoutMinutes": 2**63 - 1}, "timeoutMinutes"),
]


@pytest.mark.parametrize("event_type", PROBLEM_TYPES)
@pytest.mark.parametrize(("given", "wanted"), PROBLEM_CASES)
def test_times_of_problem_opening_events(event_type: str, given: dict[str, Any], wanted: tuple[int, int] | str) -> None:
    if isinstance(wanted, str):
        with pytest.raises(Invalid, match=r"^Constraints violated\.$") as refused:
            times(minimal(event_type, **given))
        assert [field.field for field in refused.value.fields] == [wanted]
        return
    event_times = times(minimal(event_type, **given))
    assert (event_times.start, event_times.end, event_times.timeout_ms) == (wanted[0], None, wanted[1] * MINUTE)


def test_every_broken_limit_is_listed() -> None:
    with pytest.raises(Invalid) as refused:
        times(minimal("ERROR_EVENT", start=NOW + DAY, timeoutMinutes=500))
    assert [field.field for field in refused.value.fields] == ["timeoutMinutes", "start"]


def test_the_times_reach_the_record() -> None:
    (info,) = pushed(minimal("CUSTOM_INFO", start=NOW - 5, end=NOW - 3)).records
    event = event_of(info)
    assert (event.ts, event.start, event.end, event.deadline) == (NOW - 5, NOW - 5, NOW - 3, None)
    assert (event.ingest_ts, event.updated_ts, info.ingest_ts, info.timeout_ms) == (NOW, NOW, NOW, 0)
    (problem,) = pushed(minimal("ERROR_EVENT", start=NOW - 5, timeoutMinutes=2)).records
    event = event_of(problem)
    assert (event.ts, event.start, event.end, event.deadline) == (NOW - 5, NOW - 5, None, NOW + 2 * MINUTE)
    assert (problem.ingest_ts, problem.timeout_ms) == (NOW, 2 * MINUTE)
