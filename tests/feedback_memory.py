"""Feedback on causes in memory: the handlers over the shipped twins of the configuration and of the stored rows."""

import json
from typing import Any

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.app import IngestService
from causeline.ingest.feedback import http
from causeline.ingest.feedback.assessing import Assessing
from causeline.ingest.feedback.changes import FeedbackLimits
from causeline.ingest.feedback.http import FeedbackParts
from causeline.ingest.ports import ConfigLog
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native import causes_http, effects_http
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.feedback.view import FeedbackView
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.http import HttpRoute
from causeline.schemas.web.principal import Groups
from tests.memory_server import MemoryServer, Reply


def assessing(config: ConfigLog | None = None, limits: FeedbackLimits = FeedbackLimits()) -> Assessing:  # noqa: B008 - a frozen value
    """Return what the handlers need, over a configuration of its own or this one."""
    config_log = config or MemoryConfigLog()
    return Assessing(config_log, FeedbackView(config_log.view), limits)


def feedback_parts() -> FeedbackParts:
    """Return the parts of handlers over an empty store."""
    store = MemoryEventStore()
    reader = Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0))

    async def topology(_: str) -> Topology:
        return Topology()

    return FeedbackParts(assessing(), reader, causes_http.NativeCauses(reader, CauseReader(reader, topology)).causes)


class MemoryFeedback(MemoryServer):
    """A server of causes, effects and feedback at `now` (ms UTC), over rows that are there; `records` are another one's configuration."""

    def __init__(
        self,
        now: int,
        *rows: Event | Problem,
        services: tuple[Service, ...] = (),
        limits: FeedbackLimits = FeedbackLimits(),  # noqa: B008 - a frozen value
        records: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        self.config = MemoryConfigLog(records=records)
        self.assessing = assessing(self.config, limits)
        self._services = services
        super().__init__(self._routes, now)
        for row in rows:
            self.keep(row)

    def keep(self, row: Event | Problem) -> None:
        """Store a row."""
        self.store.put_event(row) if isinstance(row, Event) else self.store.put_problem(row)

    def _routes(self, service: IngestService, reader: Reader) -> list[HttpRoute]:
        del service

        async def topology(_: str) -> Topology:
            return Topology(self._services)

        ranker = CauseReader(reader, topology, self.assessing.of)
        causes = causes_http.NativeCauses(reader, ranker)
        return [
            *causes_http.routes(reader, ranker),
            *effects_http.routes(reader, ranker),
            *http.routes(FeedbackParts(self.assessing, reader, causes.causes)),
        ]

    async def say(
        self,
        problem: str,
        event: str,
        verdict: Any = "confirmed",
        *,
        groups: Groups = None,
        key: str = "",
        tenant: str = "acme",
        **more: Any,
    ) -> Reply:
        """Put feedback; a verdict of None takes it back."""
        method, body = ("DELETE", b"") if verdict is None else ("PUT", json.dumps({"verdict": verdict, **more}).encode())
        path = f"/v1/problems/{problem}/causes/{event}/feedback"
        return await self.request(method, path, body, headers={"Causeline-Tenant": tenant, "Idempotency-Key": key}, groups=groups)

    async def causes(self, problem: str, query: str = "limit=100", *, groups: Groups = None) -> Any:
        """Return the ranking of a problem."""
        return await self._body(f"/v1/problems/{problem}/causes", query, groups)

    async def effects(self, event: str, query: str = "limit=100", *, groups: Groups = None) -> Any:
        """Return the effects of a change."""
        return await self._body(f"/v1/events/{event}/effects", query, groups)

    async def _body(self, path: str, query: str, groups: Groups) -> Any:
        reply = await self.request("GET", path, query=query, headers={"Causeline-Tenant": "acme"}, groups=groups)
        assert reply.status == 200, reply.body
        return reply.body
