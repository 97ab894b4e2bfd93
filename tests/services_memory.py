"""`/v1/services` in memory: the handlers over the shipped twin of the configuration."""

import json
from typing import Any, Final

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.app import IngestService
from causeline.ingest.ports import ConfigLog
from causeline.ingest.services import http
from causeline.ingest.services.changes import ServiceLimits
from causeline.ingest.services.registering import Registering
from causeline.query_api.reading.reader import Reader
from causeline.schemas.topology.view import ServiceView
from causeline.schemas.web.http import HttpRoute
from tests.desk_samples import NOW
from tests.memory_server import MemoryServer, Reply

PATH: Final = "/v1/services"


def registering(config: ConfigLog | None = None, limits: ServiceLimits = ServiceLimits()) -> Registering:  # noqa: B008 - a frozen value
    """Return what the handlers need, over a configuration of its own or this one."""
    config_log = config or MemoryConfigLog()
    return Registering(config_log, ServiceView(config_log.view), limits)


class MemoryServices(MemoryServer):
    """A server of this API alone; `records` are those of another one that shares its log."""

    def __init__(self, limits: ServiceLimits = ServiceLimits(), records: list[tuple[bytes, bytes]] | None = None) -> None:  # noqa: B008
        self.config = MemoryConfigLog(records=records)
        self._limits = limits
        super().__init__(self._routes, NOW)

    def _routes(self, service: IngestService, _: Reader) -> list[HttpRoute]:
        del service
        return http.routes(registering(self.config, self._limits))

    async def ask(self, method: str, name: str = "", body: Any = b"", query: str = "", *, tenant: str = "t", key: str = "") -> Reply:
        """Serve one request about a service ('': all of them), of which the body is JSON where it is not bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"{PATH}/{name}" if name else PATH
        return await self.request(method, path, content, query, {"Causeline-Tenant": tenant, "Idempotency-Key": key})

    async def put(self, name: str, /, *, tenant: str = "t", **members: Any) -> Any:
        """Describe a service; return what was answered with 200."""
        reply = await self.ask("PUT", name, members, tenant=tenant)
        assert reply.status == 200, reply.body
        return reply.body

    async def shown(self, query: str = "", tenant: str = "t") -> Any:
        """Return a page of the list."""
        reply = await self.ask("GET", query=query, tenant=tenant)
        assert reply.status == 200, reply.body
        return reply.body
