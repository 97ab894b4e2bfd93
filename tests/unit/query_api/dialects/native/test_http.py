"""The native reads, asked as the shell asks them, on the memory twins."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from causeline.query_api import routes as http
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native import http as http_native
from causeline.query_api.dialects.native import lanes_http
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.errors import Invalid, NotFound, Unavailable
from causeline.schemas.web.http import HttpRequest

NOW = ms_of("2026-11-21T12:00:00Z")
MINUTE = 60_000


def event(ts: int, **fields: Any) -> Event:
    base = {"tenant": "acme", "id": ids.uuid7(ts, str(fields).encode()[-10:].rjust(10)), "dialect": "native", "kind": "deployment"}
    return Event(**{**base, "ts": ts, "ingest_ts": ts, "updated_ts": ts, **fields})


class Api:
    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.log = MemoryFrontier(self.store)
        self.reader = Reader(self.store, self.log, RecentWrites(lambda: 0.0))
        self.handlers = {route.path: route.handler for route in (*http_native.routes(self.reader), *lanes_http.routes(self.reader))}

    async def get(self, path: str, *pairs: tuple[str, str], tenant: str = "acme", **params: str) -> Any:
        request = HttpRequest("GET", path, params, urlencode(pairs), {}, b"", tenant, NOW)
        result = await self.handlers[path](request)
        assert result.status == 200
        assert result.headers["Content-Type"] == "application/json; charset=utf-8"
        return msgspec.json.decode(result.body)


@pytest.fixture
def api() -> Api:
    return Api()


async def test_one_event_has_every_column_and_the_clients_own_json(api: Api) -> None:
    row = event(NOW - 1, title="t", end=NOW, tags={"k": "v"}, raw='{"title":"t","big":9007199254740993}')
    api.store.put_event(row)
    view = await api.get("/v1/events/{id}", id=row.id)
    assert set(view) == {*Event.__struct_fields__} - {"is_deleted", "previous_service", "commit_times"}
    assert (view["ts"], view["end"], view["start"]) == ("2026-11-21T11:59:59.999Z", "2026-11-21T12:00:00.000Z", None)
    assert view["raw"] == {"title": "t", "big": 9007199254740993}


async def test_an_event_that_is_not_there_is_404(api: Api) -> None:
    api.store.put_event(row := event(NOW))
    for tenant, event_id in (("acme", ids.uuid7(NOW, bytes(10))), ("other", row.id), ("acme", "what?")):
        with pytest.raises(NotFound):
            await api.get("/v1/events/{id}", tenant=tenant, id=event_id)


async def test_an_event_that_is_still_on_the_log_is_found_or_503_but_never_404(api: Api) -> None:
    api.log.append(row := event(NOW))
    api.log.away = True
    with pytest.raises(Unavailable):
        await api.get("/v1/events/{id}", id=row.id)
    api.log.away = False
    assert (await api.get("/v1/events/{id}", id=row.id))["id"] == row.id


async def test_a_list_is_read_page_by_page_through_its_cursor(api: Api) -> None:
    rows = [event(NOW - n * 1000, title=f"{n}", service="shop") for n in range(7)]
    for row in [*rows, event(NOW, service="other")]:
        api.store.put_event(row)
    filters = [("service", "shop"), ("from", "now-1h"), ("limit", "3")]
    titles: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.get("/v1/events", *filters, ("cursor", cursor))
        assert set(page) == {"events", "next_cursor"}
        titles += [event_view["title"] for event_view in page["events"]]
        cursor = page["next_cursor"]
        api.store.put_event(event(NOW + len(titles), title="new", service="shop"))
    assert titles == ["0", "1", "2", "3", "4", "5", "6"]


async def test_the_page_after_a_full_last_page_does_not_exist(api: Api) -> None:
    for n in range(3):
        api.store.put_event(event(NOW - n))
    assert (await api.get("/v1/events", ("limit", "3")))["next_cursor"] is None


async def test_a_broken_parameter_is_a_400_that_names_it(api: Api) -> None:
    for path in ("/v1/events", "/v1/problems", "/v1/changes", "/v1/histogram", "/v1/lanes", "/v1/events/{id}", "/v1/problems/{id}"):
        with pytest.raises(Invalid) as refused:
            await api.get(path, ("colour", "red"), id="x")
        refusal = NATIVE.refuse(refused.value)
        assert refusal.status == 400
        assert refusal.headers["Content-Type"] == "application/problem+json"
        assert msgspec.json.decode(refusal.body)["errors"] == [{"field": "colour", "message": "is not a parameter of this call"}]


def incident(start: int, **fields: Any) -> Problem:
    problem_id = ids.uuid7(start, b"problem-id")
    base = {"tenant": "acme", "id": problem_id, "event_id": problem_id, "version": 1, "dialect": "desk", "kind": "incident"}
    base |= {"correlation_id": "c", "state": "open", "transition": "opened", "at": start, "start": start, "last_receipt": start}
    return Problem(**{**base, "ingest_ts": start, "service": "shop", "entities": ["HOST-1"], **fields})


async def test_problems_are_listed_and_shown_as_of_the_request(api: Api) -> None:
    row = incident(NOW - 60 * MINUTE, deadline=NOW, title="slow")
    api.store.put_problem(row)
    page = await api.get("/v1/problems", ("from", "now-30m"), ("state", "closed"))
    assert [(problem_view["title"], problem_view["state"], problem_view["end"]) for problem_view in page["problems"]] == [
        ("slow", "closed", "2026-11-21T12:00:00.000Z")
    ]
    assert page["next_cursor"] is None
    problem_view = await api.get("/v1/problems/{id}", id=row.id)
    assert (problem_view["state"], problem_view["next_id"], problem_view["previous_id"]) == ("closed", "", "")
    assert problem_view["transitions"] == [{"transition": "opened", "at": "2026-11-21T11:00:00.000Z", "cause": ""}]


async def test_problems_are_paged(api: Api) -> None:
    for n in range(5):
        api.store.put_problem(incident(NOW - n * MINUTE, title=str(n)))
    first = await api.get("/v1/problems", ("limit", "3"))
    second = await api.get("/v1/problems", ("limit", "3"), ("cursor", first["next_cursor"]))
    assert [problem_view["title"] for problem_view in first["problems"] + second["problems"]] == ["0", "1", "2", "3", "4"]
    assert second["next_cursor"] is None


async def test_a_problem_that_is_not_there_is_404(api: Api) -> None:
    for path in ("/v1/problems/{id}", "/v1/problems/{id}/changes"):
        with pytest.raises(NotFound):
            await api.get(path, id=ids.uuid7(NOW, bytes(10)))


async def test_the_changes_around_a_problem_come_with_relation_and_distance(api: Api) -> None:
    start = NOW - 60 * MINUTE
    row = incident(start)
    api.store.put_problem(row)
    api.store.put_event(event(start, title="itself", id=row.event_id, entities=["HOST-1"]))
    api.store.put_event(event(start - 90_500, title="same service", service="shop"))
    api.store.put_event(event(start + 1000, title="same entity", entities=["HOST-1"]))
    api.store.put_event(event(start - 121 * MINUTE, title="too early", service="shop"))
    api.store.put_event(event(start, title="not a change", kind="info", service="shop"))
    view = await api.get("/v1/problems/{id}/changes", id=row.id)
    assert view["problem"]["id"] == row.id
    assert [(c["title"], c["relation"], c["offset_seconds"]) for c in view["changes"]] == [
        ("same entity", "same_entity", 1.0),
        ("same service", "same_service", -90.5),
    ]
    wide = await api.get("/v1/problems/{id}/changes", ("before", "3h"), ("after", "0s"), id=row.id)
    assert [c["title"] for c in wide["changes"]] == ["same service", "too early"]


async def test_the_changes_around_a_time(api: Api) -> None:
    rows: list[dict[str, Any]] = [{"service": "shop"}, {"environment": "production"}, {"tags": {"region": "eu"}}, {}]
    for n, fields in enumerate(rows):
        api.store.put_event(event(NOW - n * MINUTE, title=str(n), **fields))
    reference = (("service", "shop"), ("environment", "production"), ("tag", "region:eu"))
    view = await api.get("/v1/changes", ("at", "2026-11-21T12:00:00Z"), *reference)
    assert [(c["title"], c["relation"]) for c in view["changes"]] == [
        ("0", "same_service"),
        ("2", "same_tag"),
        ("1", "same_environment"),
        ("3", "other"),
    ]


async def test_what_counts_as_a_change_is_a_setting(api: Api) -> None:
    api.store.put_event(event(NOW, kind="info", title="info"))
    api.store.put_event(event(NOW, kind="deployment", title="deployment"))
    api.handlers = {route.path: route.handler for route in http_native.routes(api.reader, frozenset({"deployment"}))}
    assert [c["title"] for c in (await api.get("/v1/changes"))["changes"]] == ["info"]


async def test_the_histogram_shows_empty_buckets_too(api: Api) -> None:
    api.store.put_event(event(NOW - 14 * MINUTE, service="a"))
    api.store.put_event(event(NOW - 14 * MINUTE, service="b", kind="drift"))
    api.store.put_event(event(NOW, service="a"))
    query = (("from", "now-15m"), ("to", "now"), ("by", "service"))
    assert await api.get("/v1/histogram", *query) == {
        "buckets": [
            {"start": "2026-11-21T11:45:00.000Z", "counts": {"a": 1, "b": 1}},
            {"start": "2026-11-21T11:50:00.000Z", "counts": {}},
            {"start": "2026-11-21T11:55:00.000Z", "counts": {}},
        ],
        "step": "5m",
    }
    counted = await api.get("/v1/histogram", ("step", "1d"), ("kind", "drift"))
    assert [bucket["counts"] for bucket in counted["buckets"]] == [{}, {"drift": 1}]


async def test_lanes_say_what_lies_beyond_them(api: Api) -> None:
    for number, service in enumerate(("a", "a", "b", "c")):
        api.store.put_event(event(NOW - 14 * MINUTE + number, service=service, team="shop"))
    answer = await api.get("/v1/lanes", ("from", "now-15m"), ("to", "now"), ("limit", "1"))
    one_bin = {"start": "2026-11-21T11:45:00.000Z", "count": 2, "counts": {"deployment": 2}}
    assert answer == {
        "from": "2026-11-21T11:45:00.000Z",
        "to": "2026-11-21T12:00:00.000Z",
        "step": "5m",
        "by": "service",
        "lanes": [{"name": "a", "count": 2, "bins": [one_bin]}],
        "lane_count": 3,
        "event_count": 4,
    }
    rest = await api.get("/v1/lanes", ("team", "shop"), ("skip", "1"), ("step", "1h"))
    assert [lane["name"] for lane in rest["lanes"]] == ["b", "c"]


@pytest.mark.parametrize("query", [("limit", "41"), ("skip", "10001"), ("skip", "-1"), ("by", "title"), ("step", "0s"), ("step", "1s")])
async def test_lanes_are_bounded(api: Api, query: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        await api.get("/v1/lanes", query)
    assert [error.field for error in refused.value.fields] == [query[0]]


def test_every_dialect_reads_through_one_list_of_routes(api: Api) -> None:
    routes = http.routes(api.reader)
    assert {route.api.label for route in routes} == set(DIALECTS.names)
    assert len({(route.method, route.path, route.api.label) for route in routes}) == len(routes)
