from typing import Any

import pytest

from tests.desk_memory import PATH, MemoryDesk
from tests.desk_samples import MINUTE, NOW, PROBLEM_TYPES, minimal

PAYLOAD = minimal("ERROR_EVENT")


async def push(desk: MemoryDesk, payload: dict[str, Any] = PAYLOAD, path: str = PATH) -> str:
    """Push a problem-opening event for one entity, let the rows follow, return its correlation id."""
    reply = await desk.post(payload, path)
    assert reply.status == 200, reply.body
    assert reply.body["storedEventIds"] == reply.body["storedIds"] == []
    (correlation_id,) = reply.body["storedCorrelationIds"]
    await desk.reach()
    return str(correlation_id)


async def seen(desk: MemoryDesk, **parameters: Any) -> list[tuple[str, int]]:
    """Return status and end of the events in the list, newest start first."""
    return [(entry["eventStatus"], entry["endTime"]) for entry in await desk.entries(**parameters)]


@pytest.mark.parametrize("event_type", PROBLEM_TYPES)
async def test_a_push_opens_an_event_with_a_correlation_id(event_type: str) -> None:
    desk = MemoryDesk()
    correlation_id = await push(desk, minimal(event_type))
    (entry,) = await desk.entries()
    assert (entry["eventStatus"], entry["endTime"], entry["startTime"]) == ("OPEN", -1, NOW)
    assert (entry["correlationId"], entry["severityLevel"]) == (correlation_id, event_type.removesuffix("_EVENT"))
    assert (await desk.get(f"{PATH}/{entry['id']}")).body == entry


@pytest.mark.parametrize("rows_follow", [True, False])
async def test_it_is_closed_at_its_deadline_and_not_a_millisecond_earlier(rows_follow: bool) -> None:  # noqa: FBT001 - a row of the table
    desk = MemoryDesk()
    await push(desk)
    desk.applying = rows_follow
    desk.now = NOW + 15 * MINUTE - 1
    assert await seen(desk) == [("OPEN", -1)]
    desk.now = NOW + 15 * MINUTE
    assert await seen(desk) == [("CLOSED", NOW + 15 * MINUTE)]


async def test_a_refresh_keeps_id_and_start_and_moves_the_deadline() -> None:
    desk = MemoryDesk()
    first = await push(desk)
    desk.now += 14 * MINUTE
    assert await push(desk) == first
    (entry,) = await desk.entries()
    assert (entry["startTime"], entry["correlationId"]) == (NOW, first)
    desk.now = NOW + 29 * MINUTE - 1
    assert await seen(desk) == [("OPEN", -1)]
    desk.now = NOW + 29 * MINUTE
    assert await seen(desk) == [("CLOSED", NOW + 29 * MINUTE)]


async def test_eight_refreshes_keep_it_open_for_two_hours() -> None:
    desk = MemoryDesk()
    ids = {await push(desk)}
    for _ in range(8):
        desk.now += 14 * MINUTE
        ids.add(await push(desk))
    assert len(ids) == 1
    (entry,) = await desk.entries()
    assert (entry["eventStatus"], entry["startTime"]) == ("OPEN", NOW)


async def test_a_push_at_or_after_the_deadline_is_a_new_event_of_the_same_correlation_id() -> None:
    desk = MemoryDesk()
    first = await push(desk)
    desk.now += 15 * MINUTE
    assert await push(desk) == first
    assert await seen(desk) == [("OPEN", -1), ("CLOSED", NOW + 15 * MINUTE)]
    entries = await desk.entries()
    assert len({entry["eventId"] for entry in entries}) == 2


@pytest.mark.parametrize(
    "change", [{"title": "x"}, {"description": "x"}, {"source": "x"}, {"customProperties": {"x": 1}}, {"allowDavisMerge": True}]
)
async def test_another_payload_is_another_problem_while_the_first_stays_open(change: dict[str, Any]) -> None:
    desk = MemoryDesk()
    first = await push(desk)
    assert await push(desk, {**PAYLOAD, **change}) != first
    assert await seen(desk) == [("OPEN", -1), ("OPEN", -1)]


async def test_another_timeout_is_the_same_problem_and_the_last_one_counts() -> None:
    desk = MemoryDesk()
    first = await push(desk, {**PAYLOAD, "timeoutMinutes": 120})
    desk.now += MINUTE
    assert await push(desk, {**PAYLOAD, "timeoutMinutes": 1}) == first
    desk.now += MINUTE
    assert await seen(desk) == [("CLOSED", NOW + 2 * MINUTE)]


async def test_the_deadline_counts_from_receipt_not_from_an_explicit_start() -> None:
    desk = MemoryDesk()
    payload = {**PAYLOAD, "start": NOW - 60 * MINUTE}
    await push(desk, payload)
    (entry,) = await desk.entries()
    assert (entry["startTime"], entry["eventStatus"]) == (NOW - 60 * MINUTE, "OPEN")


async def test_each_entity_has_a_problem_of_its_own() -> None:
    desk = MemoryDesk()
    reply = await desk.post({**PAYLOAD, "attachRules": {"entityIds": ["A-1", "B-2"]}})
    assert len(set(reply.body["storedCorrelationIds"])) == 2
    await desk.reach()
    desk.now += 10 * MINUTE
    await push(desk, {**PAYLOAD, "attachRules": {"entityIds": ["A-1"]}})
    desk.now += 10 * MINUTE
    assert await seen(desk, entityId="A-1") == [("OPEN", -1)]
    assert await seen(desk, entityId="B-2") == [("CLOSED", NOW + 15 * MINUTE)]


async def test_environments_never_share_a_problem() -> None:
    desk = MemoryDesk()
    first, other = await push(desk), await push(desk, path="/e/other/api/v1/events")
    assert first != other
    assert [entry["correlationId"] for entry in await desk.entries()] == [first]
    assert [entry["correlationId"] for entry in await desk.entries("/e/other/api/v1/events")] == [other]
