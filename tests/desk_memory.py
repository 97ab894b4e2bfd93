"""The DESK Events API v1 in memory: both slices and the processors' logic over the shipped twins, with a clock that a test moves."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlencode

from causeline.deploy.routing import RouteTable
from causeline.ingest.adapters import http_desk as writes
from causeline.ingest.adapters.memory import MemoryEventLog
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.desk_payload import DeskRules
from causeline.processors.logic import ProcessorLogic
from causeline.processors.ports import Input, Output
from causeline.query_api.adapters import http_desk as reads
from causeline.query_api.adapters.memory import MemoryEventStore
from causeline.query_api.app import Reader
from causeline.query_api.recent import RecentWrites
from causeline.schemas import codec, patches
from causeline.schemas.dialects.desk import tenant_of
from causeline.schemas.errors import RequestError, answer
from causeline.schemas.event import Event
from causeline.schemas.http import HttpRequest
from causeline.schemas.problem import Problem
from causeline.schemas.topics import EVENTS, PROBLEMS
from tests.desk_samples import NOW

PATH = "/api/v1/events"


class Reply(NamedTuple):
    """An answer with its JSON decoded."""

    status: int
    headers: Mapping[str, str]
    body: Any


class MemoryDesk:
    """One server. Rows follow the log when somebody waits for them (`reach`), and only while `applying`."""

    def __init__(self, rules: DeskRules | None = None) -> None:
        self.now = NOW
        self.applying = True
        self.log = MemoryEventLog()
        self.store = MemoryEventStore()
        self._logic = [ProcessorLogic(p, patches.merge) for p in range(len(self.log.partitions))]
        self._positions = [0] * len(self.log.partitions)
        numbers = count(1)
        reader = Reader(self.store, self, RecentWrites(lambda: self.now))
        service = IngestService(self.log, reader, reader, lambda size: next(numbers).to_bytes(size))
        self._table = RouteTable([*writes.routes(service, rules), *reads.routes(reader, self)])

    async def reach(self, partition: int | None = None, offset: int | None = None) -> bool:
        """Apply what is on the log to the rows (see Frontier); all of it, whatever position is asked for."""
        del partition, offset
        if self.applying:
            for partition_id, logic in enumerate(self._logic):
                self._process(partition_id, logic)
        return self.applying

    def _process(self, partition: int, logic: ProcessorLogic) -> None:
        records = self.log.partitions[partition]
        inputs = [Input(partition, at, *records[at]) for at in range(self._positions[partition], len(records))]
        inputs.append(Input(partition, len(records), b"", logic.tick(self.now)))
        decided = logic.fold(inputs)
        logic.apply(decided)
        self._positions[partition] = len(records)
        for output in decided.out:
            self._keep(output)

    def _keep(self, output: Output) -> None:
        if output.value is None:
            return
        if output.topic == EVENTS:
            self.store.put_event(codec.decode(output.value, Event))
        elif output.topic == PROBLEMS:
            self.store.put_problem(codec.decode(output.value, Problem))

    async def request(self, method: str, path: str, body: bytes = b"", query: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        """Serve one request as the shell does: route, tenant, handler, envelope."""
        fields = {name.replace("_", "-").lower(): value for name, value in (headers or {}).items()}
        try:
            route, params = self._table.match(method, path)
            tenant = tenant_of(params, fields) or "default"
            result = await route.handler(HttpRequest(method, path, params, query, fields, body, tenant, self.now))
        except RequestError as error:
            result = answer("desk", error)
        return Reply(result.status, result.headers, json.loads(result.body))

    async def post(self, payload: Any, path: str = PATH, **headers: str) -> Reply:
        """Push a payload."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.request("POST", path, body, headers=headers)

    async def get(self, path: str = PATH, headers: Mapping[str, str] | None = None, **parameters: Any) -> Reply:
        """Read; `from_` is the parameter `from`."""
        query = urlencode({name.rstrip("_"): value for name, value in parameters.items()})
        return await self.request("GET", path, query=query, headers=headers)

    async def entries(self, path: str = PATH, **parameters: Any) -> list[dict[str, Any]]:
        """Return the events of a list's first page."""
        reply = await self.get(path, **parameters)
        assert reply.status == 200, reply.body
        found: list[dict[str, Any]] = reply.body["events"]
        return found
