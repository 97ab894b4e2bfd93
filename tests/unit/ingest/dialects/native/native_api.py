"""The writing native API over the in-memory log, as its tests call it."""

import json
from typing import Any

from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.native.http import routes
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.wire.codec import decode_record

NOW = 1_795_242_600_000
NOW_TEXT = "2026-11-21T06:30:00.000Z"
MINIMAL = {"kind": "deployment", "title": "checkout 1.4.2"}
TEXTS = [
    *("service", "environment", "priority", "severity", "text", "source", "owner", "actor", "commit", "repo"),
    *("branch", "team", "project", "application", "release", "related_id"),
]
FULL: dict[str, Any] = {
    **MINIMAL,
    "status": "success",
    "ts": "2026-11-21T08:00:00.5+02:00",
    "start": 1_795_240_000_000,
    "end": "2026-11-21T06:00:00Z",
    **{name: f"the {name}" for name in TEXTS},
    "tags": {"region": "eu", "build": 4711, "canary": True, "share": 0.5, "none": None},
    "entities": ["HOST-1", "HOST-2"],
    "links": {"ci": "https://ci.example/1"},
    "allowed_groups": ["sre"],
    "vendor": {"nested": [1, None, "ünïcode"]},
}


class Native:
    """The writing native API over the in-memory log."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self._random = 0
        service = IngestService(self.log, MemoryCurrentEvents(), MemoryOpenProblems(), self._bytes)
        self._route, *_ = routes(service)

    def _bytes(self, size: int) -> bytes:
        self._random += 1
        return self._random.to_bytes(size)

    async def post_bytes(self, body: bytes, content_type: str = "application/json", key: str = "", tenant: str = "default") -> Answer:
        headers = {"idempotency-key": key} if key else {}
        return await self._route.handler(HttpRequest("POST", "/v1/events", {}, "", headers, body, tenant, NOW, content_type))

    async def post(self, body: object, key: str = "", tenant: str = "default") -> Any:
        return json.loads((await self.post_bytes(json.dumps(body).encode(), key=key, tenant=tenant)).body)

    def stored(self) -> list[tuple[IngestRecord, Event]]:
        return [(record, decode_record(record.event, Event)) for record in self.log.records()]

    def only(self) -> tuple[IngestRecord, Event]:
        (record,) = self.stored()
        return record
