"""One server in memory: both slices and the processors' logic over the shipped twins, with a clock that a test moves."""

import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

import msgspec

from causeline.deploy.access.access import unauthenticated_tenant
from causeline.deploy.server.routing import RouteTable
from causeline.ingest.adapters.memory.log import MemoryEventLog
from causeline.ingest.app import IngestService
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.ports import Input, Output
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.dialect import Dialects
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import DEAD_LETTERS, EVENTS, INGEST, PROBLEMS
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.http import HttpRequest, HttpRoute
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of


class Reply(NamedTuple):
    """An answer with its JSON decoded, text as it is."""

    status: int
    headers: Mapping[str, str]
    body: Any


class MemoryServer:
    """Rows follow the log when somebody waits for them (`reach`), and only while `applying`; `set_aside` counts dead letters."""

    def __init__(self, routes: Callable[[IngestService, Reader], list[HttpRoute]], now: int, dialects: Dialects = DIALECTS) -> None:
        self.now = now
        self.applying = True
        self.set_aside = 0
        self.log = MemoryEventLog()
        self.store = MemoryEventStore()
        partitions = len(self.log.partitions)
        self._logic = [ProcessorLogic(p, dialects.merge, partitions=partitions, signal_of=dialects.signal_of) for p in range(partitions)]
        self._positions = [0] * partitions
        numbers = count(1)
        reader = Reader(self.store, self, RecentWrites(lambda: self.now))
        service = IngestService(self.log, reader, reader, lambda size: next(numbers).to_bytes(size))
        self._table = RouteTable(routes(service, reader))

    async def reach(self, partition: int | None = None, offset: int | None = None) -> bool:
        """Apply what is on the log to the rows (see Frontier); all of it, whatever position is asked for."""
        del partition, offset
        while self.applying:
            for partition_id, logic in enumerate(self._logic):
                self._process(partition_id, logic)
            if all(at == len(records) for at, records in zip(self._positions, self.log.partitions, strict=True)):
                break  # else one partition forwarded a record to another one
        return self.applying

    async def missing(self, positions: Mapping[int, int], within_s: float, *, with_forwarded: bool = False) -> frozenset[int]:
        """Apply what is on the log (see Frontier)."""
        del within_s, with_forwarded
        return frozenset() if await self.reach() else frozenset(positions)

    def partition(self, event_id: str) -> int:
        """Return the partition of an event (see Frontier)."""
        return partition_of(event_id.encode(), len(self.log.partitions))

    def behind(self, partition: int) -> float:
        """Say that nothing lags (see Frontier)."""
        del partition
        return 0.0

    def _process(self, partition: int, logic: ProcessorLogic) -> None:
        records = self.log.partitions[partition]
        inputs = [Input(partition, at, *records[at]) for at in range(self._positions[partition], len(records))]
        inputs.append(Input(partition, len(records), b"", logic.tick(self.now)))
        next_round = logic.fold(inputs)
        logic.apply(next_round)
        self._positions[partition] += len(inputs) - 1
        for output in next_round.out:
            self._keep(output)

    def _keep(self, output: Output) -> None:
        self.set_aside += output.topic == DEAD_LETTERS
        if output.value is None:
            return
        if output.topic == EVENTS:
            self.store.put_event(codec.decode_record(output.value, Event))
        elif output.topic == PROBLEMS:
            self.store.put_problem(codec.decode_record(output.value, Problem))
        elif output.topic == INGEST and output.partition is not None:
            self.log.partitions[output.partition].append((output.key, output.value))

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        groups: tuple[str, ...] | None = None,
        content_type: str = "",
    ) -> Reply:
        """Serve one request as the shell does: route, tenant, handler, envelope. `groups` None is a caller who sees every group."""
        fields = {name.replace("_", "-").lower(): value for name, value in (headers or {}).items()}
        match = self._table.match(method, path)
        request = HttpRequest(method, path, match.params, query, fields, body, "", self.now, content_type, groups)
        route = match.choose(request)
        try:
            result = await route.handler(msgspec.structs.replace(request, tenant=unauthenticated_tenant(route, match.params, fields)))
        except RequestError as error:
            result = route.api.refuse(error)
        is_text = result.headers.get("Content-Type", "").startswith("text/")
        return Reply(result.status, result.headers, result.body.decode() if is_text else json.loads(result.body) if result.body else None)
