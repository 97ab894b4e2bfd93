import pytest

from tests.apitraffic_memory import MemoryApiTraffic
from tests.apitraffic_samples import MINUTE, NOW


@pytest.fixture
def api() -> MemoryApiTraffic:
    return MemoryApiTraffic()


async def test_an_incident_opens_a_problem_and_its_end_closes_it_and_null_reopens_it(api: MemoryApiTraffic) -> None:
    sid = (await api.create({"type": "incident", "name": "DB down", "startedAt": "2024-01-15T14:00:00Z"}))["sid"]
    (opened,) = await api.problems()
    assert (opened.state, opened.title, opened.dialect, opened.start) == ("open", "DB down", "apitraffic", NOW - 30 * MINUTE - 5_000)
    api.now += MINUTE
    assert (await api.send("PUT", {"endedAt": "2024-01-15T14:20:00Z", "description": "fixed"}, sid)).status == 200
    (closed,) = await api.problems()
    assert (closed.id, closed.state, closed.transition, closed.text) == (opened.id, "closed", "closed", "fixed")
    assert closed.end == opened.start + 20 * MINUTE
    api.now += MINUTE
    assert (await api.send("PUT", {"endedAt": None}, sid)).body["endedAt"] is None
    old, again = await api.problems()
    assert (old.id, again.state, again.transition, again.previous_id) == (closed.id, "open", "reopened", closed.id)
    assert again.event_id == opened.event_id
    assert (await api.send("DELETE", sid=sid)).status == 200
    assert [problem.id for problem in await api.problems()] == [closed.id]


async def test_an_incident_that_came_ended_is_a_problem_of_that_time_and_its_later_changes_are_none(api: MemoryApiTraffic) -> None:
    times = {"startedAt": "2024-01-15T14:00:00Z", "endedAt": "2024-01-15T14:01:00Z"}
    sid = (await api.create({"type": "incident", "name": "DB down", **times}))["sid"]
    (problem,) = await api.problems()
    assert (problem.state, problem.version, problem.end) == ("closed", 2, problem.start + MINUTE)
    api.now += 30 * 24 * 60 * MINUTE
    await api.send("PUT", {"name": "The DB was down"}, sid)
    assert await api.problems() == [problem]


async def test_an_incident_that_a_change_ends_is_a_problem_once(api: MemoryApiTraffic) -> None:
    sid = (await api.create({"type": "custom", "name": "DB down", "startedAt": "2024-01-15T14:00:00Z"}))["sid"]
    await api.send("PUT", {"type": "incident", "endedAt": "2024-01-15T14:01:00Z"}, sid)
    (problem,) = await api.problems()
    assert (problem.state, problem.end) == ("closed", problem.start + MINUTE)


async def test_other_types_open_nothing(api: MemoryApiTraffic) -> None:
    sid = (await api.create())["sid"]
    assert await api.problems() == []
    await api.send("PUT", {"type": "incident"}, sid)
    assert [problem.state for problem in await api.problems()] == ["open"]
    await api.send("PUT", {"type": "custom"}, sid)
    assert await api.problems() == []
