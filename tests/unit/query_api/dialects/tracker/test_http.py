import json
from typing import Any

import msgspec
import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.tracker.http import routes
from causeline.query_api.dialects.tracker.openapi import PATHS
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Invalid, NotFound
from causeline.schemas.web.http import HttpRequest

NOW = 1_705_320_000_000  # 2024-01-15T12:00:00Z
HOUR = 3_600_000
BASE = "/api/v1alpha1"


def event_of(number: int, arrival: int = NOW, tenant: str = "t", **attributes: Any) -> Event:
    raw = {"title": f"event {number}", "attributes": attributes}
    return Event(
        tenant=tenant,
        id=ids.uuid7(arrival, number.to_bytes(10)),
        dialect="tracker",
        ingest_ts=arrival,
        updated_ts=arrival,
        raw=json.dumps(raw),
        **tracker.columns(raw, arrival),
    )


class Api:
    """Tracker's reading routes over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: NOW))
        self._handlers = {route.path: route.handler for route in routes(reader)}

    async def get(self, path: str, query: str = "", tenant: str = "t", **params: str) -> dict[str, Any]:
        request = HttpRequest("GET", path, params, query, {}, b"", tenant, NOW)
        reply = await self._handlers[BASE + path](request)
        assert reply.status == 200
        answer: dict[str, Any] = json.loads(reply.body)
        return answer

    async def titles(self, path: str, query: str = "") -> list[str]:
        return [event["title"].removeprefix("event ") for event in (await self.get(path, query))["events"]]


@pytest.fixture
def api() -> Api:
    return Api()


async def test_one_event_is_shown_flat_and_under_event(api: Api) -> None:
    event = event_of(1, type="deployment")
    api.store.put_event(event)
    for reference in (event.id, event.id.upper()):
        answer = await api.get("/event/{id}", id=reference)
        assert answer == json.loads(msgspec.json.encode(tracker.view_one(event)))
        assert answer["event"]["attributes"] == {"type": 1}


@pytest.mark.parametrize("event_id", ["507f1f77bcf86cd799439011", "018bcfe5-6800-7a8f-8819-74562cfd5fa8", "\x00", "%", ""])
async def test_an_id_that_does_not_exist_is_not_found(api: Api, event_id: str) -> None:
    with pytest.raises(NotFound):
        await api.get("/event/{id}", id=event_id)


async def test_only_the_tenants_own_events_of_this_dialect_are_shown(api: Api) -> None:
    other, native = event_of(1, tenant="u"), msgspec.structs.replace(event_of(2), dialect="native")
    api.store.put_event(other)
    api.store.put_event(native)
    for hidden in (other, native):
        with pytest.raises(NotFound):
            await api.get("/event/{id}", id=hidden.id)
    for path in ("/events/list", "/events/search", "/events/today"):
        assert await api.get(path) == {"events": [], "totalCount": 0}


async def test_a_list_is_paged_newest_first_with_the_total_of_all(api: Api) -> None:
    for number in range(25):
        api.store.put_event(event_of(number, NOW - number // 2 * HOUR))
    pages = [await api.titles("/events/list", f"page={page}") for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert sorted(int(title) for page in pages for title in page) == list(range(25))
    assert [int(title) // 2 for page in pages for title in page] == [number // 2 for number in range(25)]
    assert (await api.get("/events/list", "page=4&perPage=10"))["totalCount"] == 25
    assert (await api.get("/events/list", "page=" + "9" * 40)) == {"events": [], "totalCount": 25}


async def test_a_search_without_a_filter_is_unpaged_and_honours_pages(api: Api) -> None:
    for number in range(25):
        api.store.put_event(event_of(number, NOW - number))
    assert len(await api.titles("/events/search")) == 25
    assert await api.titles("/events/search", "per_page=2&page=2") == ["2", "3"]


async def test_filters_meet_the_columns_that_the_same_codes_fill(api: Api) -> None:
    api.store.put_event(
        event_of(1, type=4, status="open", environment="pre-production", priority="P1", impact=3, source="s", relatedId="r")
    )
    api.store.put_event(event_of(2, type=1, status=3, environment=7, priority=2, impact=1, service="web", owner="ops"))
    for query in (
        "type=incident",
        "type=4",
        "status=7",
        "environment=6",
        "priority=1",
        "impact=3",
        "impact=high",
        "source=s",
        "relatedId=r",
        "related_id=r",
        "type=4&status=open",
    ):
        assert await api.titles("/events/search", query) == ["1"], query
    for query in ("service=web", "owner=ops", "impact=low", "type=deployment&priority=p2"):
        assert await api.titles("/events/search", query) == ["2"], query
    assert await api.titles("/events/search", "type=1&type=4&priority=1&priority=2") == ["2", "1"]
    assert await api.titles("/events/search", "service=web&type=4") == []


async def test_dates_filter_by_the_events_own_time(api: Api) -> None:
    for number, start in enumerate(["2024-01-14T23:59:59.999Z", "2024-01-15", "2024-01-15T23:59:59.999Z", "2024-01-16"]):
        api.store.put_event(event_of(number, startDate=start))
    assert await api.titles("/events/search", "start_date=2024-01-15&end_date=2024-01-15") == ["2", "1"]
    assert await api.titles("/events/search", "end_date=2024-01-15") == ["2", "1", "0"]
    assert await api.titles("/events/search", "startDate=2024-01-15T00:00:00Z&endDate=2024-01-15T23:59:59.999Z") == ["1"]
    assert await api.titles("/events/search", "start_date=2024-01-16T02:00:00+02:00") == ["3"]
    assert await api.titles("/events/today") == ["2", "1"]
    assert await api.titles("/events/today", "per_page=1&page=2") == ["1"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/events/list", "page=0"),
        ("/events/today", "per_page=x"),
        ("/events/search", "per_page=-1"),
        ("/events/search", "status=lost"),
        ("/events/search", "end_date=x"),
    ],
)
async def test_a_query_that_breaks_a_rule_is_refused(api: Api, path: str, query: str) -> None:
    with pytest.raises(Invalid):
        await api.get(path, query)


def test_every_route_is_described() -> None:
    store = MemoryEventStore()
    reader = Reader(store, MemoryFrontier(store), RecentWrites(lambda: NOW))
    assert {route.path for route in routes(reader)} == set(PATHS)
    names = {parameter["name"] for parameter in PATHS[f"{BASE}/events/search"]["get"]["parameters"]}
    assert {"priority", "service", "type", "environment", "status", "start_date", "end_date", "per_page", "page"} <= names
