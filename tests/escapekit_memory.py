"""EscapeKit in memory."""

import json
from typing import Any
from urllib.parse import unquote

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.escapekit import http as writes
from causeline.query_api.dialects.escapekit import http as reads
from causeline.query_api.reading.reader import Reader
from causeline.schemas.web.http import HttpRoute
from tests.desk_samples import NOW
from tests.escapekit_samples import CREATE, QUERY
from tests.memory_server import MemoryServer, Reply
from tests.subscribing import subscribing


class MemoryEscapeKit(MemoryServer):
    """A server of this API alone. Whatever was acknowledged is in the rows when it is asked."""

    def __init__(self) -> None:
        self.config = MemoryConfigLog()
        super().__init__(self._routes, NOW)

    def _routes(self, service: IngestService, reader: Reader) -> list[HttpRoute]:
        self.subscribing = subscribing(service, self.config, allow="example.test")
        return [*writes.routes(service, self.subscribing), *reads.routes(reader)]

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        query: str = "",
        *,
        tenant: str = "t",
        key: str = "",
        groups: tuple[str, ...] | None = None,
    ) -> Reply:
        """Serve one request of a tenant: the body as JSON where it is not bytes, the path decoded as the server decodes it."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Causeline-Tenant": tenant, "Idempotency-Key": key}
        await self.reach()
        return await self.request(method, unquote(path), content, query, headers, groups)

    async def create(self, body: Any, *, tenant: str = "t", key: str = "") -> Any:
        """Store; return what was answered with 201."""
        reply = await self.ask("POST", CREATE, body, tenant=tenant, key=key)
        assert reply.status == 201, reply.body
        return reply.body

    async def find(self, path: str = "", query: str = "", tenant: str = "t", groups: tuple[str, ...] | None = None) -> list[dict[str, Any]]:
        """Return the events of a query path."""
        reply = await self.ask("GET", QUERY + path, query=query, tenant=tenant, groups=groups)
        assert reply.status == 200, reply.body
        events: list[dict[str, Any]] = reply.body
        return events
