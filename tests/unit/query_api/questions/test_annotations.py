import json
from typing import Any

import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native.annotations_http import routes
from causeline.query_api.questions.annotations import annotation_of
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Invalid
from causeline.schemas.web.http import HttpRequest
from tests.contract.event_rows import HOUR, MINUTE, T0, TENANT, event

NOW = T0 + HOUR


class Api:
    """The route over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        (self._route,) = routes(Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: NOW)))

    def put(self, *events: Event) -> None:
        for one in events:
            self.store.put_event(one)

    async def get(self, query: str = "", tenant: str = TENANT, groups: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
        request = HttpRequest("GET", self._route.path, {}, query, {}, b"", tenant, NOW, groups=groups)
        reply = await self._route.handler(request)
        assert reply.status == 200
        annotations: list[dict[str, Any]] = json.loads(reply.body)
        return annotations

    async def titles(self, query: str = "", groups: tuple[str, ...] | None = None) -> list[str]:
        return [mark["title"] for mark in await self.get(query, groups=groups)]


@pytest.fixture
def api() -> Api:
    return Api()


async def test_a_mark_has_what_a_dashboard_draws(api: Api) -> None:
    event_row = event(
        T0,
        start=T0,
        end=T0 + MINUTE,
        title="v2",
        text="by CI",
        status="success",
        service="web",
        environment="prod",
        tags={"branch": "main"},
    )
    api.put(event_row)
    assert await api.get() == [
        {
            "time": T0,
            "timeEnd": T0 + MINUTE,
            "title": "v2",
            "text": "by CI",
            "tags": ["deployment", "success", "web", "prod", "branch:main"],
            "id": event_row.id,
        }
    ]


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({}, T0),
        ({"end": T0 + MINUTE}, T0 + MINUTE),
        ({"start": T0}, T0),
        ({"deadline": T0 + MINUTE}, T0 + MINUTE),
        ({"deadline": NOW + HOUR}, NOW),
        ({"deadline": NOW + HOUR, "end": T0 + MINUTE}, T0 + MINUTE),
    ],
)
def test_a_mark_ends_with_its_event_or_is_a_point(fields: dict[str, Any], end: int) -> None:
    mark = annotation_of(event(T0, **fields), NOW)
    assert (mark["time"], mark["timeEnd"]) == (T0, end)


async def test_the_filters_are_those_of_events(api: Api) -> None:
    api.put(
        event(T0, title="a", service="web", tags={"k": "v"}),
        event(T0 + MINUTE, title="b", kind="incident", entities=["HOST-1"]),
        event(T0 + 2 * MINUTE, title="c", dialect="apitraffic", environment="prod"),
    )
    assert await api.titles() == ["c", "b", "a"]
    assert await api.titles("limit=2") == ["c", "b"]
    assert await api.titles(f"from={T0 + MINUTE}&to={T0 + 2 * MINUTE}") == ["b"]
    for query, titles in (
        ("service=web", "a"),
        ("kind=incident&kind=build", "b"),
        ("dialect=apitraffic", "c"),
        ("environment=prod", "c"),
        ("entity=HOST-1", "b"),
        ("tag=k:v", "a"),
        ("q=C", "c"),
        ("status=none", ""),
    ):
        assert await api.titles(query) == list(titles), query


async def test_marks_are_the_tenants_own_and_of_the_groups_of_the_reader(api: Api) -> None:
    api.put(event(T0, title="open"), event(T0 + 1, title="hidden", allowed_groups=["ops"]), event(T0, tenant="other"))
    assert await api.titles() == ["hidden", "open"]
    assert await api.titles(groups=()) == ["open"]
    assert await api.titles(groups=("ops",)) == ["hidden", "open"]
    assert await api.get(tenant="nobody") == []


@pytest.mark.parametrize(
    ("query", "field"), [("from=soon", "from"), ("limit=1001", "limit"), ("cursor=x", "cursor"), ("from=2&to=1", "from")]
)
async def test_a_parameter_that_breaks_a_rule_is_named(api: Api, query: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await api.get(query)
    assert [error.field for error in caught.value.fields] == [field]
