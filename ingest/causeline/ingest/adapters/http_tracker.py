"""Tracker's writing calls over HTTP (Tracker, "Creating", "Updating" and "Deleting Events"): requests to records, records to answers."""

from causeline.ingest.app import IngestService
from causeline.ingest.dialects import tracker as writes
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas.dialects import tracker
from causeline.schemas.errors import Answer, NotFound
from causeline.schemas.event import Event
from causeline.schemas.http import JSON, HttpRequest, HttpRoute, json_answer


class TrackerWrites:
    """The handlers. Every answer with 200 is given after the record is durable."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store a new event; answer with all of it."""
        change = writes.created(
            request.body,
            tenant=request.tenant,
            key=idempotency_key(request.headers),
            now=request.received_at,
            new_id=self._service.new_id,
        )
        return await self._stored(change)

    async def update(self, request: HttpRequest) -> Answer:
        """Change what the body names, keep the rest; answer with the merged event."""
        key = idempotency_key(request.headers)
        update = writes.update(request.body)
        current = await self._current(request, update.id)
        now = request.received_at
        return await self._stored(writes.updated(update.patch, current, key=key, now=now, record_id=self._service.new_id(now)))

    async def delete(self, request: HttpRequest) -> Answer:
        """Delete an event; answer with its id."""
        key = idempotency_key(request.headers)
        current = await self._current(request, request.params["id"])
        now = request.received_at
        change = writes.deleted(current, key=key, now=now, record_id=self._service.new_id(now))
        await self._service.append("tracker", [change.record])
        return json_answer(200, {"id": current.id})

    async def _current(self, request: HttpRequest, named: str) -> Event:
        event_id = tracker.event_id(named)
        event = await self._service.events.current(request.tenant, "tracker", event_id) if event_id else None
        if event is None:
            raise NotFound(f"there is no event {named[:100]}")
        return event

    async def _stored(self, change: writes.Change) -> Answer:
        await self._service.append("tracker", [change.record])
        return json_answer(200, tracker.view_one(change.event))


def routes(service: IngestService) -> list[HttpRoute]:
    """Return Tracker's writing routes."""
    handlers = TrackerWrites(service)
    event, event_by_id = "/api/v1alpha1/event", "/api/v1alpha1/event/{id}"
    return [
        HttpRoute("POST", event, "tracker", "tracker", handlers.create, media=JSON),
        HttpRoute("PUT", event, "tracker", "tracker", handlers.update, media=JSON),
        HttpRoute("DELETE", event_by_id, "tracker", "tracker", handlers.delete),
    ]
