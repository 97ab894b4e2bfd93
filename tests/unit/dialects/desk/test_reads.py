from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from causeline.query_api.dialects.desk.http import LONGEST_APPEND_MS
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from tests.desk_memory import PATH, MemoryDesk
from tests.desk_samples import DAY, HOST, MINUTE, NOW, minimal
from tests.memory_server import Reply


async def pushed(desk: MemoryDesk, event_type: str = "CUSTOM_INFO", path: str = PATH, **more: Any) -> str:
    """Push an information-only event for one entity; return its encoded id."""
    reply = await desk.post(minimal(event_type, **more), path)
    assert reply.status == 200, reply.body
    return str(reply.body["storedIds"][0])


@pytest.mark.parametrize("form", ["{id}", "{low}", "{quoted}", "{id}/"])
async def test_an_event_is_found_by_every_form_of_its_id_right_after_it_was_acknowledged(form: str) -> None:
    desk = MemoryDesk()
    event_id = await pushed(desk)
    reference = form.format(id=event_id, low=event_id.partition("_")[0], quoted=quote(event_id).replace("_", "%5F").replace("-", "%2D"))
    reply = await desk.get(f"{PATH}/{reference}")
    assert (reply.status, reply.body["id"], reply.body["eventStatus"]) == (200, event_id, "CLOSED")


@pytest.mark.parametrize("reference", ["5", "5_1", "query", "-", "1_2_3", "9223372036854775808", "18bcfe56-6800-7000"])
async def test_an_unknown_or_malformed_id_is_not_found(reference: str) -> None:
    reply = await MemoryDesk().get(f"{PATH}/{reference}")
    assert reply.status == 404
    assert reply.body == {"error": {"code": 404, "message": f"Event with id '{reference}' not found"}}


async def test_an_id_with_the_time_of_another_event_is_not_found() -> None:
    desk = MemoryDesk()
    event_id = await pushed(desk)
    assert (await desk.get(f"{PATH}/{event_id}0")).status == 404


async def test_an_event_of_another_environment_is_not_found() -> None:
    desk = MemoryDesk()
    event_id = await pushed(desk, path="/e/a/api/v1/events")
    assert (await desk.get(f"/e/b/api/v1/events/{event_id}")).status == 404
    assert (await desk.get(f"{PATH}/{event_id}", {"host": "a.live.dexp.ae"})).status == 200
    assert (await desk.entries("/e/b/api/v1/events")) == []


async def test_events_of_other_apis_are_not_shown() -> None:
    desk = MemoryDesk()
    other = ids.uuid7(NOW, b"0123456789")
    desk.store.put_event(
        Event(tenant="default", id=other, dialect="tracker", kind="info", ts=NOW, ingest_ts=NOW, updated_ts=NOW, raw="{}", entities=["X"])
    )
    assert await desk.entries() == []
    assert (await desk.get(f"{PATH}/{ids.signed_low(other)}_{NOW}")).status == 404


async def test_while_the_rows_are_behind_a_miss_is_not_told_as_not_found() -> None:
    desk = MemoryDesk()
    event_id = await pushed(desk)
    desk.applying = False
    reply = await desk.get(f"{PATH}/{event_id}")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")


async def test_the_list_has_the_form_of_the_api() -> None:
    desk = MemoryDesk()
    first = await pushed(desk)
    desk.now += 10
    second = await pushed(desk)
    reply = await desk.get()
    assert {name: value for name, value in reply.body.items() if name != "events"} == {
        "nextEventStartTms": None,
        "nextEventId": None,
        "nextCursor": None,
        "from": desk.now - 30 * DAY,
        "to": desk.now - LONGEST_APPEND_MS,
        "totalEventCount": 2,
    }
    assert [entry["id"] for entry in reply.body["events"]] == [second, first]


async def test_filters_by_type_and_entity() -> None:
    desk = MemoryDesk()
    info = await pushed(desk)
    annotation = await pushed(desk, "CUSTOM_ANNOTATION", attachRules={"entityIds": ["HOST-2"]})
    await desk.post(minimal("ERROR_EVENT"))
    await desk.post(minimal("PERFORMANCE_EVENT"))

    async def found(**parameters: str) -> list[str]:
        return [entry["eventType"] for entry in await desk.entries(**parameters)]

    assert [entry["id"] for entry in await desk.entries(eventType="CUSTOM_INFO")] == [info]
    assert [entry["id"] for entry in await desk.entries(entityId="HOST-2")] == [annotation]
    assert await found(eventType="ERROR_EVENT") == ["ERROR_EVENT"]
    assert sorted(await found(entityId=HOST["entityIds"][0])) == ["CUSTOM_INFO", "ERROR_EVENT", "PERFORMANCE_EVENT"]
    assert await found(eventType="CUSTOM_ANNOTATION", entityId=HOST["entityIds"][0]) == []
    assert await found(entityId="unknown") == []
    assert await found(eventType="CPU_SATURATED") == []


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        (-20, -11, False),
        (-20, -10, True),
        (-20, 0, True),
        (-5, 0, True),
        (-5, 20, True),
        (5, 20, True),
        (10, 20, True),
        (11, 20, False),
        (-20, 20, False),
    ],
)
async def test_an_event_is_listed_if_its_start_or_its_end_lies_in_the_window(start: int, end: int, inside: bool) -> None:  # noqa: FBT001 - a row of the table
    desk = MemoryDesk()
    middle = NOW - MINUTE
    await pushed(desk, start=middle + start, end=middle + end)
    assert len(await desk.entries(from_=middle - 10, to=middle + 10)) == inside


async def test_an_open_event_ends_now() -> None:
    desk = MemoryDesk()
    await desk.post(minimal("ERROR_EVENT"))
    desk.now += 10 * MINUTE
    assert len(await desk.entries(relativeTime="min")) == 1
    assert await desk.entries(from_=NOW + MINUTE, to=NOW + 2 * MINUTE) == []


async def all_pages(desk: MemoryDesk, writer: bool = False, **parameters: Any) -> list[Reply]:  # noqa: FBT001, FBT002 - a switch of the test
    """Follow the cursors to the end, pushing another event before each page if there is a writer."""
    pages = [await desk.get(**parameters)]
    while pages[-1].body["nextCursor"]:
        if writer:
            await pushed(desk)
            await desk.reach()
        desk.now += 1_000
        pages.append(await desk.get(cursor=pages[-1].body["nextCursor"]))
    return pages


@pytest.mark.parametrize("writer", [False, True])
async def test_pages_neither_repeat_nor_skip_while_events_arrive(writer: bool) -> None:  # noqa: FBT001 - a row of the table
    desk = MemoryDesk()
    pushed_ids = [await pushed(desk, start=NOW - 1_000 + number // 3) for number in range(301)]
    pages = await all_pages(desk, writer, eventType="CUSTOM_INFO")
    assert [len(page.body["events"]) for page in pages] == [150, 150, 1]
    assert [page.body["totalEventCount"] for page in pages] == [301] * 3
    assert len({(page.body["from"], page.body["to"]) for page in pages}) == 1
    listed_ids = [entry["id"] for page in pages for entry in page.body["events"]]
    assert sorted(listed_ids) == sorted(pushed_ids)
    starts = [entry["startTime"] for page in pages for entry in page.body["events"]]
    assert starts == sorted(starts, reverse=True)


async def test_exactly_one_page_has_no_cursor() -> None:
    desk = MemoryDesk()
    for _ in range(150):
        await pushed(desk)
    reply = await desk.get()
    assert (len(reply.body["events"]), reply.body["nextCursor"], reply.body["totalEventCount"]) == (150, None, 150)


async def test_pages_keep_a_problem_that_times_out_between_them() -> None:
    desk = MemoryDesk()
    await desk.post(minimal("ERROR_EVENT", start=NOW - 50 * MINUTE))
    for number in range(150):
        await pushed(desk, start=NOW - number)
    desk.now += 15 * MINUTE - 500
    pages = await all_pages(desk, from_=NOW - 40 * MINUTE)
    assert [len(page.body["events"]) for page in pages] == [150, 1]
    assert pages[1].body["events"][0]["eventStatus"] == "CLOSED"


async def test_polling_with_the_last_to_as_the_next_from_misses_nothing() -> None:
    desk = MemoryDesk()
    listed_ids: set[str] = set()
    pushed_ids: set[str] = set()
    since = desk.now
    for _ in range(20):
        received = desk.now
        desk.now += 4_000  # the append takes this long: the event is older than the poll that does not see it yet
        reply = await desk.get(from_=since)
        listed_ids |= {entry["id"] for entry in reply.body["events"]}
        since = reply.body["to"]
        later, desk.now = desk.now, received
        pushed_ids.add(await pushed(desk))
        desk.now = later
    listed_ids |= {entry["id"] for entry in await desk.entries(from_=since)}
    assert listed_ids == pushed_ids


async def test_to_is_what_was_asked_where_that_is_past() -> None:
    reply = await MemoryDesk().get(from_=NOW - DAY, to=NOW - LONGEST_APPEND_MS)
    assert (reply.body["from"], reply.body["to"]) == (NOW - DAY, NOW - LONGEST_APPEND_MS)


async def test_to_never_promises_the_future_nor_lies_before_from() -> None:
    desk = MemoryDesk()
    assert (await desk.get(to=NOW + DAY)).body["to"] == NOW - LONGEST_APPEND_MS
    assert (await desk.get(from_=NOW - 1)).body["to"] == NOW - 1


async def test_while_the_rows_are_behind_the_list_promises_nothing() -> None:
    desk = MemoryDesk()
    desk.applying = False
    reply = await desk.get(from_=NOW - DAY)
    assert (reply.status, reply.body["to"]) == (200, NOW - DAY)


async def test_a_broken_parameter_is_refused_in_the_envelope() -> None:
    reply = await MemoryDesk().get(relativeTime="year", eventType="x")
    assert reply.status == 400
    assert reply.body["error"]["message"] == "Constraints violated."
    assert [(v["path"], v["parameterLocation"]) for v in reply.body["error"]["constraintViolations"]] == [
        ("relativeTime", "QUERY"),
        ("eventType", "QUERY"),
    ]


async def test_integers_are_never_rounded() -> None:
    desk = MemoryDesk()
    event_id = await pushed(desk)
    entry = (await desk.get(f"{PATH}/{event_id}")).body
    assert f"{entry['eventId']}_{entry['startTime']}" == event_id
    assert msgspec.json.encode(entry["eventId"]).decode() == event_id.partition("_")[0]
