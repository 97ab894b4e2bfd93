"""Tracker incidents as problems, where they are sent when they are over; `type` 4 is an incident, `status` 7 open, 8 closed, 9 done."""

from typing import Any

import pytest

from causeline.query_api.questions.query import Page, ProblemFilter
from causeline.schemas.records.problem import Problem
from tests.tracker_server import EVENT, NOW, MemoryTracker

START, END = "2024-01-15T10:00:00Z", "2024-01-15T10:45:00Z"
HOUR = 3_600_000
FROM, TO = NOW - 2 * HOUR, NOW - 2 * HOUR + 45 * 60_000


async def problems(tracker: MemoryTracker) -> list[Problem]:
    await tracker.reach()
    return await tracker.store.problems(ProblemFilter(tenant="default", now=tracker.now), Page(limit=100, order="asc"))


async def sent(tracker: MemoryTracker, changed: str = "", **attributes: Any) -> str:
    """Create an event, or change one; return its id."""
    body = {"title": "db down", "attributes": attributes}
    reply = await tracker.rest("PUT", EVENT, {"id": changed, **body}) if changed else await tracker.rest("POST", EVENT, body)
    assert reply.status == 200, reply.body
    own: str = (reply.body.get("event") or reply.body)["id"]
    return own


@pytest.mark.parametrize("status", [{"status": 8}, {"status": 9}, {}], ids=["closed", "done", "an end alone"])
async def test_an_incident_that_is_sent_when_it_is_over_is_a_problem_of_that_time(status: dict[str, Any]) -> None:
    tracker = MemoryTracker()
    own = await sent(tracker, type=4, startDate=START, endDate=END, **status)
    (problem,) = await problems(tracker)
    assert (problem.state, problem.version, problem.start, problem.end) == ("closed", 2, FROM, TO)
    tracker.now += 30 * 24 * HOUR
    await sent(tracker, own, message="what was learned")
    assert await problems(tracker) == [problem], "a change long after does not tell of it again"


async def test_without_its_times_it_is_only_an_event() -> None:
    tracker = MemoryTracker()
    await sent(tracker, type=4, status=9)
    await sent(tracker, type=4, status=9, startDate=START)
    await sent(tracker, type=1, status=9, startDate=START, endDate=END)
    assert await problems(tracker) == []


async def test_a_change_that_says_that_it_is_over_makes_it_a_problem() -> None:
    tracker = MemoryTracker()
    own = await sent(tracker, type=4, startDate=START)
    await sent(tracker, own, status=9, endDate=END)
    (problem,) = await problems(tracker)
    assert (problem.state, problem.start, problem.end) == ("closed", FROM, TO)


async def test_a_close_without_a_time_ends_when_it_came_and_what_it_does_not_name_stays() -> None:
    tracker = MemoryTracker()
    own = await sent(tracker, type=4, status=7, startDate=START, service="pay", priority=1)
    await sent(tracker, own, priority=3)
    await sent(tracker, own, status=8)
    (problem,) = await problems(tracker)
    assert (problem.start, problem.end, problem.service, problem.title) == (FROM, tracker.now, "pay", "db down")
