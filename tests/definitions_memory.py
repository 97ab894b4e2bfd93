"""`/v1/dora/definition` in memory: the handlers over the shipped twin of the configuration."""

import json
from itertools import count
from typing import Any, Final

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.app import IngestService
from causeline.ingest.definitions import http
from causeline.ingest.definitions.defining import Defining
from causeline.ingest.ports import ConfigLog
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dora.view import DefinitionView
from causeline.schemas.web.http import HttpRoute
from tests.desk_samples import NOW
from tests.memory_server import MemoryServer, Reply

PATH: Final = "/v1/dora/definition"
_NUMBERS: Final = count()


def defining(config: ConfigLog | None = None) -> Defining:
    """Return what the handlers need, over a configuration of its own or this one."""
    config_log = config or MemoryConfigLog()
    return Defining(config_log, DefinitionView(config_log.view), lambda size: next(_NUMBERS).to_bytes(size))


class MemoryDefinitions(MemoryServer):
    """A server of this API alone; `records` are those of another one that shares its log."""

    def __init__(self, records: list[tuple[bytes, bytes]] | None = None) -> None:
        self.config = MemoryConfigLog(records=records)
        self.view = DefinitionView(self.config.view)
        super().__init__(self._routes, NOW)

    def _routes(self, service: IngestService, _: Reader) -> list[HttpRoute]:
        del service
        return http.routes(defining(self.config))

    async def ask(self, method: str, body: Any = b"", query: str = "", *, tenant: str = "t", key: str = "") -> Reply:
        """Serve one request; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request(method, PATH, content, query, {"Causeline-Tenant": tenant, "Idempotency-Key": key})

    async def put(self, *, tenant: str = "t", key: str = "", **members: Any) -> Any:
        """Say a definition; return what was answered with 200."""
        reply = await self.ask("PUT", members, tenant=tenant, key=key)
        assert reply.status == 200, reply.body
        return reply.body

    async def shown(self, query: str = "", *, tenant: str = "t") -> Any:
        """Return the definition, or a version."""
        reply = await self.ask("GET", query=query, tenant=tenant)
        assert reply.status == 200, reply.body
        return reply.body
