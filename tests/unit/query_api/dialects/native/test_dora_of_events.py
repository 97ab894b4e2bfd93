"""DORA metrics from stored events, by the routes as a server has them: what may not be seen is not counted, aliases are one service."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from causeline.query_api import routes as http
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values import ids
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.http import HttpRequest

NOW = ms_of("2026-11-30T12:00:00Z")
HOUR = 3_600_000


class Server:
    """The routes over rows in memory; `checkout` goes by `checkout-svc` too."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: 0.0))

        async def topology(_: str) -> Topology:
            return Topology([Service(name="checkout", aliases=("checkout-svc",))])

        self._handlers = {route.path: route.handler for route in http.routes(reader, causes=CauseReader(reader, topology))}

    def deploy(self, hours_ago: float, **fields: Any) -> str:
        at = NOW - int(hours_ago * HOUR)
        base: dict[str, Any] = {
            "tenant": "acme",
            "id": ids.uuid7(at, bytes(10)),
            "dialect": "native",
            "kind": "deployment",
            "status": "success",
        }
        base |= {"service": "checkout", "environment": "production", "ts": at, "ingest_ts": at, "updated_ts": at}
        event = Event(**{**base, **fields})
        self.store.put_event(event)
        return event.id

    async def get(self, path: str, groups: tuple[str, ...] | None = None, tenant: str = "acme", **query: str) -> Any:
        answer = await self._handlers[path](HttpRequest("GET", path, {}, urlencode(query), {}, b"", tenant, NOW, groups=groups))
        assert answer.status == 200
        return msgspec.json.decode(answer.body)

    async def count(self, groups: tuple[str, ...] | None = None, tenant: str = "acme", **query: str) -> int:
        metrics = (await self.get("/v1/dora", groups, tenant, **query))["metrics"]
        rows = (await self.get("/v1/dora/deployments", groups, tenant, **query))["deployments"]
        assert metrics["deployment_frequency"]["numerator"] == len(rows)
        count: int = metrics["deployment_frequency"]["numerator"]
        return count


@pytest.fixture
def server() -> Server:
    return Server()


async def test_who_may_not_see_an_event_does_not_count_it(server: Server) -> None:
    server.deploy(1)
    server.deploy(2, allowed_groups=["red"])
    seen = [await server.count(groups) for groups in ((), ("red",), ("blue",), None)]
    assert seen == [1, 2, 1, 2]


async def test_other_tenants_are_apart(server: Server) -> None:
    server.deploy(1)
    assert (await server.count(), await server.count(tenant="other")) == (1, 0)


async def test_a_service_counts_under_all_its_names(server: Server) -> None:
    server.deploy(1)
    server.deploy(2, service="checkout-svc")
    server.deploy(3, service="search")
    assert [await server.count(service=name) for name in ("checkout", "checkout-svc", "search")] == [2, 2, 1]
    groups = (await server.get("/v1/dora", group_by="service"))["groups"]
    assert [(group["service"], group["metrics"]["deployment_frequency"]["n"]) for group in groups] == [("checkout", 2), ("search", 1)]


async def test_where_nobody_reports_problems_rates_of_failure_are_unknown_and_not_zero(server: Server) -> None:
    server.deploy(1)
    rate = (await server.get("/v1/dora"))["metrics"]["change_fail_rate"]
    assert (rate["value"], rate["interval"], rate["state"], rate["denominator"]) == (None, None, "no_source", 1)


async def test_commits_of_a_list_have_lead_times_and_a_head_alone_is_said_to_be_a_part(server: Server) -> None:
    server.deploy(1, commits=["a", "b"], commit_times=[NOW - 3 * HOUR, 0])
    whole = (await server.get("/v1/dora"))["metrics"]["change_lead_time"]
    assert (whole["value"], whole["n"], whole["partial"], whole["excluded"]) == (
        2 * 3_600,
        1,
        False,
        {"not_positive": 0, "unknown_time": 1},
    )
    server.deploy(2, commit="c")
    assert (await server.get("/v1/dora"))["metrics"]["change_lead_time"]["partial"]
