"""EscapeKit over HTTP, what it writes: `POST /internal/create-event`, and the subscriptions of a project with their GET.

Subscriptions are configuration, not events: they lie on the configuration log that every server folds, so this slice also reads them.
"""

import asyncio
from typing import Final

from causeline.ingest.app import IngestService
from causeline.ingest.dialects import escapekit as writes
from causeline.ingest.dialects import escapekit_subscriptions as subscriptions
from causeline.ingest.idempotency import idempotency_key
from causeline.ingest.ports import ConfigLog
from causeline.schemas import ids
from causeline.schemas.config import SUBSCRIPTIONS, Value
from causeline.schemas.dialects.escapekit import view
from causeline.schemas.errors import Answer, Unavailable
from causeline.schemas.http import JSON, HttpRequest, HttpRoute, json_answer

CREATE: Final = "/internal/create-event"
PROJECT: Final = "/api/v1/events/subscriptions/project/{project}"
_CAUGHT_UP_S: Final = 5.0


class EscapeKitWrites:
    """The handler of events. It answers after all of them are durable."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store one event or an array of them; answer with what is stored, in the same form."""
        key = idempotency_key(request.headers)
        arrival = writes.Arrival(request.tenant, key, request.received_at, self._service.new_id_ns)
        asked = writes.creation(request.body, arrival)
        await self._service.append("escapekit", [change.record for change in asked.changes])
        stored = [view(change.event) for change in asked.changes]
        return json_answer(201, stored if asked.is_list else stored[0])


class EscapeKitSubscriptions:
    """The handlers of a project's subscriptions. What a PUT answered, a GET on the same server shows."""

    def __init__(self, service: IngestService, config: ConfigLog) -> None:
        self._service = service
        self._config = config

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with the set, empty for a project without."""
        return json_answer(200, subscriptions.shown(await self._held(_place(request))))

    async def put(self, request: HttpRequest) -> Answer:
        """Replace the set; answer with it."""
        place, key = _place(request), idempotency_key(request.headers)
        now = request.received_at

        def new_id(index: int) -> str:
            return ids.keyed(place, key, str(index)) if key else self._service.new_id(now)

        asked = subscriptions.replacement(request.body, await self._held(place), key=key, new_id=new_id)
        if asked.value is not None:
            await self._config.put(SUBSCRIPTIONS, place, asked.value)
        return json_answer(200, asked.shown)

    async def _held(self, place: str) -> Value | None:
        """Return what holds, once this server has read what was written before it began: an empty set would be a wrong answer."""
        try:
            async with asyncio.timeout(_CAUGHT_UP_S):
                await self._config.caught_up()
        except TimeoutError as error:
            raise Unavailable("the configuration is not read yet") from error
        return self._config.view.get(SUBSCRIPTIONS, place)


def _place(request: HttpRequest) -> str:
    return subscriptions.config_key(request.tenant, request.params["project"])


def routes(service: IngestService, config: ConfigLog) -> list[HttpRoute]:
    """Return EscapeKit's writing routes, and the reading one of subscriptions."""
    events, projects = EscapeKitWrites(service), EscapeKitSubscriptions(service, config)
    return [
        HttpRoute("POST", CREATE, "escapekit", "escapekit", events.create, media=JSON),
        HttpRoute("GET", PROJECT, "escapekit", "escapekit", projects.get),
        HttpRoute("PUT", PROJECT, "escapekit", "escapekit", projects.put, media=JSON),
    ]
