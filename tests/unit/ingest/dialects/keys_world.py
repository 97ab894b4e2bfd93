"""Servers, partitions and their logs in memory: what several servers append, the processors decide on, however they are scheduled."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

from causeline.deploy.server.routing import RouteTable
from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.cto_ai import http
from causeline.ingest.dialects.desk import http as http_desk
from causeline.ingest.dialects.escapekit import http as http_escapekit
from causeline.ingest.dialects.native import http as http_native
from causeline.ingest.dialects.tracker import http as http_tracker
from causeline.ingest.ports import CurrentEvents, EventLog
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.ports import Input, Output
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.topics import INGEST
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.wire import codec
from tests.partition_log import T0, Outputs, decoded
from tests.subscribing import subscribing

PARTITIONS = 4


class Post(NamedTuple):
    """One request: `key` is that of the header, '' without one."""

    path: str
    body: Any
    key: str = ""
    tenant: str = "default"
    method: str = "POST"


class Reply(NamedTuple):
    """What was answered."""

    status: int
    body: Any


def dialects(log: EventLog, events: CurrentEvents, numbers: Iterator[int]) -> RouteTable:
    """Return the writing routes of one server, with a memory of its own. Its ids are drawn from `numbers`."""
    service = IngestService(log, events, MemoryOpenProblems(), lambda size: next(numbers).to_bytes(size))
    spoken = (http_native, http_tracker, http_desk, http)
    escapekit = http_escapekit.routes(service, subscribing(service, MemoryConfigLog()))[:1]
    return RouteTable([route for dialect in spoken for route in dialect.routes(service)] + escapekit)


async def ask(server: RouteTable, post: Post, now: int) -> Reply:
    """Send a request to a server, which it reaches at `now` (ms UTC)."""
    headers = {"idempotency-key": post.key} if post.key else {}
    match = server.match(post.method, post.path)
    body = json.dumps(post.body).encode()
    request = HttpRequest(post.method, post.path, match.params, "", headers, body, post.tenant, now, "application/json")
    route = match.choose(request)
    try:
        result = await route.handler(request)
    except RequestError as error:
        result = route.api.refuse(error)
    return Reply(result.status, json.loads(result.body))


class Owner:
    """One partition's logic over its changelog; a crash loses what was not committed."""

    def __init__(self, number: int) -> None:
        self.number, self.position = number, 0
        self.changelog: dict[bytes, bytes | None] = {}
        self.logic = self._restored()

    def _restored(self) -> ProcessorLogic:
        logic = ProcessorLogic(self.number, DIALECTS.merge, partitions=PARTITIONS)
        for key, value in self.changelog.items():
            logic.restore(key, value)
        return logic

    def work(self, log: list[tuple[bytes, bytes]], most: int, *, dies: bool) -> list[Output]:
        """Commit a round of at most so many records and return its outputs, none where the owner dies before the commit."""
        inputs = [Input(self.number, at, *log[at]) for at in range(self.position, min(len(log), self.position + most))]
        step = self.logic.fold(inputs)
        if dies:
            self.logic = self._restored()
            return []
        self.logic.apply(step)
        self.changelog.update(step.changes)
        self.position += len(inputs)
        return step.out


class World:
    """Two servers with memories of their own over one log."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(PARTITIONS)
        self.owners = [Owner(number) for number in range(PARTITIONS)]
        self.out: list[Output] = []
        self.now = T0
        self._numbers = count(1)
        self._servers = [self._server(), self._server()]

    def _server(self) -> RouteTable:
        return dialects(self.log, MemoryCurrentEvents(), self._numbers)

    async def post(self, post: Post, server: int = 0) -> Reply:
        """Send a request to a server, a second after the one before."""
        self.now += 1_000
        return await ask(self._servers[server], post, self.now)

    def restart(self, server: int) -> None:
        """Let a server forget what it acknowledged."""
        self._servers[server] = self._server()

    def work(self, partition: int, most: int = 1_000, *, dies: bool = False) -> None:
        """Let the owner of a partition commit a round, or die in it."""
        for out in self.owners[partition].work(self.log.partitions[partition], most, dies=dies):
            if out.topic != INGEST:
                self.out.append(out)
                continue
            assert out.partition is not None
            assert out.value is not None
            self.log.partitions[out.partition].append((out.key, out.value))

    def drain(self) -> Outputs:
        """Work until nothing is left; return all that was published."""
        while any(owner.position < len(log) for owner, log in zip(self.owners, self.log.partitions, strict=True)):
            for partition in range(PARTITIONS):
                self.work(partition)
        return decoded(self.out)


def published_twice(outputs: Outputs) -> list[tuple[str, int]]:
    """Return the (id, version) that were published more than once."""
    times = Counter((event.id, event.version) for event in outputs.events)
    return [place for place, often in times.items() if often > 1]


def ops(world: World) -> Counter[str]:
    """Return how many records of each op are on the log."""
    return Counter(codec.decode_ingest(value).op for log in world.log.partitions for _, value in log)
