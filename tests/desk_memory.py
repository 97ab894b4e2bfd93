"""The DESK Events API v1 in memory."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from causeline.ingest.dialects.desk import http as writes
from causeline.ingest.dialects.desk.body import DeskRules
from causeline.query_api.dialects.desk import http as reads
from tests.desk_samples import NOW
from tests.memory_server import MemoryServer, Reply

PATH = "/api/v1/events"


class MemoryDesk(MemoryServer):
    """A server of this API alone."""

    def __init__(self, rules: DeskRules | None = None) -> None:
        super().__init__(lambda service, reader: [*writes.routes(service, rules), *reads.routes(reader, self)], NOW)

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
        events: list[dict[str, Any]] = reply.body["events"]
        return events
