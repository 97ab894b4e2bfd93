"""ApiTraffic in memory, both sides and the processors between them."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from causeline.ingest.dialects.apitraffic import http as writes
from causeline.query_api.dialects.apitraffic import http as reads
from causeline.query_api.questions.query import Page, ProblemFilter
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.http import HttpRoute
from tests.apitraffic_samples import ACCOUNT, EXAMPLE_SID, HOST, NOW, Line
from tests.memory_server import MemoryServer, Reply

PATH = f"/v1/accounts/{ACCOUNT}/events"
NEW: dict[str, Any] = {"type": "deployment", "name": "v1"}


class MemoryApiTraffic(MemoryServer):
    """A server of this API alone."""

    def __init__(self) -> None:
        self.routes: list[HttpRoute] = []
        super().__init__(lambda service, reader: self._keep_routes([*writes.routes(service), *reads.routes(reader)]), NOW)

    def _keep_routes(self, routes: list[HttpRoute]) -> list[HttpRoute]:
        self.routes = routes
        return routes

    async def send(self, method: str, body: Any = None, sid: str = "", account: str = ACCOUNT, **headers: str) -> Reply:
        path = f"/v1/accounts/{account}/events" + (f"/{sid}" if sid else "")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self.request(method, path, content, headers=headers)

    async def create(self, body: Mapping[str, Any] = NEW, account: str = ACCOUNT, **headers: str) -> dict[str, Any]:
        reply = await self.send("POST", {**NEW, **body}, account=account, **headers)
        assert reply.status == 201, reply.body
        event: dict[str, Any] = reply.body
        return event

    async def read(self, sid: str) -> dict[str, Any]:
        reply = await self.send("GET", sid=sid)
        assert reply.status == 200, reply.body
        event: dict[str, Any] = reply.body
        return event

    async def read_list(self, account: str = ACCOUNT, **parameters: Any) -> dict[str, Any]:
        await self.reach()
        reply = await self.request("GET", f"/v1/accounts/{account}/events", query=urlencode(parameters, doseq=True))
        assert reply.status == 200, reply.body
        page: dict[str, Any] = reply.body
        return page

    async def names(self, **parameters: Any) -> list[str]:
        return [record["name"] for record in (await self.read_list(**parameters))["records"]]

    async def problems(self) -> list[Problem]:
        await self.reach()
        return await self.store.problems(ProblemFilter(tenant=ACCOUNT, now=self.now), Page(limit=100, order="asc"))

    async def run(self, line: Line, sid: str = EXAMPLE_SID) -> Reply:
        """Run a line of the document, about an event that exists."""
        path, _, query = line.url.removeprefix(HOST).partition("?")
        content = json.dumps(line.body).encode() if line.body else b""
        return await self.request(line.method, path.replace(EXAMPLE_SID, sid), content, query)
