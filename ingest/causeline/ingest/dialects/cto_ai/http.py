"""CTO.ai's `POST /events`, on three paths.

Its own GitHub action sends to `/`. The DESK Events API v1 has `/api/v1/events` too: there the body decides.
"""

from typing import Final

from causeline.ingest.app import Firsts, IngestService, arrival_of
from causeline.ingest.dialects.cto_ai import writes
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas.dialects.cto_ai import mapping as cto_ai
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.cto_ai.paths import SHARED_PATH
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer

CREATE_PATHS: Final = ("/events", "/")


class CtoAiWrites:
    """The handler. 200 is answered after the record is durable."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store a new event; answer with all of it."""
        key, new_id = idempotency_key(request.headers), self._service.new_id

        def make(firsts: Firsts) -> writes.CtoAiWrite:
            now = arrival_of(firsts, request.received_at)
            return writes.create(request.body, tenant=request.tenant, key=key, now=now, new_id=new_id)

        write = await self._service.once(CTO_AI.name, request.received_at, make)
        return json_answer(200, cto_ai.post_answer(write.event))


def _is_meant(request: HttpRequest) -> bool:
    return writes.is_own_body(request.body)


def routes(service: IngestService) -> list[HttpRoute]:
    """Return CTO.ai's writing routes."""
    handler = CtoAiWrites(service)
    return [
        *(HttpRoute("POST", path, CTO_AI, handler.create, media=JSON_MEDIA) for path in CREATE_PATHS),
        HttpRoute("POST", SHARED_PATH, CTO_AI, handler.create, media=JSON_MEDIA, accepts=_is_meant),
    ]
