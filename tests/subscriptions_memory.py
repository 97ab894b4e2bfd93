"""`/v1/subscriptions` in memory: the handlers over the shipped twins, and what lies on the log and in the configuration afterwards."""

import json
from collections.abc import Mapping
from typing import Any, Final

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.adapters.memory.health import MemoryHealth
from causeline.ingest.app import IngestService
from causeline.ingest.subscriptions import http
from causeline.query_api.reading.reader import Reader
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.web.http import HttpRoute
from tests.desk_samples import NOW
from tests.memory_server import MemoryServer, Reply
from tests.subscribing import KEY, rule_of, subscribing

PATH: Final = "/v1/subscriptions"
TARGET: Final[dict[str, Any]] = {"type": "webhook", "url": "https://hooks.example.test/in?token=t0ps3cret"}
MINIMAL: Final[dict[str, Any]] = {"name": "deployments of the shop", "target": TARGET}


class MemorySubscriptions(MemoryServer):
    """A server of this API alone."""

    def __init__(self, *, allow: str = "", key: str = KEY) -> None:
        self.config = MemoryConfigLog()
        self.health = MemoryHealth()
        self._allow, self._sealing = allow, key
        self._draw_count = 0
        super().__init__(self._routes, NOW)

    def _routes(self, service: IngestService, _: Reader) -> list[HttpRoute]:
        self.subscribing = subscribing(service, self.config, self.health, allow=self._allow, key=self._sealing)
        return http.routes(self.subscribing, self._random)

    def _random(self, size: int) -> bytes:
        self._draw_count += 1
        return self._draw_count.to_bytes(size)

    async def ask(
        self,
        method: str,
        path: str = "",
        body: Any = b"",
        query: str = "",
        *,
        tenant: str = "t",
        key: str = "",
        groups: tuple[str, ...] | None = None,
    ) -> Reply:
        """Serve one request of a tenant: the body as JSON where it is not bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request(method, PATH + path, content, query, {"Causeline-Tenant": tenant, "Idempotency-Key": key}, groups)

    async def make(self, body: Mapping[str, Any] = MINIMAL, *, tenant: str = "t", key: str = "", **more: Any) -> Any:
        """Make a subscription; return what was answered with 201."""
        reply = await self.ask("POST", "", {**body, **more}, tenant=tenant, key=key)
        assert reply.status == 201, reply.body
        return reply.body

    async def get(self, path: str, query: str = "", tenant: str = "t", groups: tuple[str, ...] | None = None) -> Any:
        """Return what a GET answers with 200."""
        reply = await self.ask("GET", path, query=query, tenant=tenant, groups=groups)
        assert reply.status == 200, reply.body
        return reply.body

    def told_rules(self) -> list[list[Rule]]:
        """Return the rules that each partition was told, in order."""
        return [[rule_of(value) for _, value in partition] for partition in self.log.partitions]

    def last_told(self) -> Rule:
        """Return the rule that every partition was told last; they must agree."""
        (rule,) = {rules[-1] for rules in self.told_rules()}
        return rule

    def records(self, op: str) -> list[IngestRecord]:
        """Return the records of one kind on the log."""
        return [record for record in self.log.records() if record.op == op]
