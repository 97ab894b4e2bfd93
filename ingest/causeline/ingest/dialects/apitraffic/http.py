"""ApiTraffic's writing calls over HTTP (ApiTraffic, "Create Event", "Update Event", "Delete Event"): requests to records to answers.

The account in the path is the tenant of the request.
"""

from causeline.ingest import changes
from causeline.ingest.app import Firsts, IngestService, arrival_of
from causeline.ingest.changes import Change
from causeline.ingest.dialects.apitraffic import writes
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas.dialects.apitraffic import mapping as apitraffic
from causeline.schemas.dialects.apitraffic import sids
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.dialects.apitraffic.paths import ACCOUNT_EVENT_PATH, ACCOUNT_EVENTS_PATH
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer


class ApiTrafficWrites:
    """The handlers. Every answer of 2xx is given after the record is durable."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store a new event; answer 201 with all of it."""
        key, new_id = idempotency_key(request.headers), self._service.new_id

        def make(firsts: Firsts) -> Change:
            now = arrival_of(firsts, request.received_at)
            return writes.create(request.body, tenant=request.tenant, key=key, now=now, new_id=new_id)

        change = await self._service.once(APITRAFFIC.name, request.received_at, make)
        document = apitraffic.view(change.event)
        return json_answer(201, document, {"Location": f"/v1/accounts/{request.tenant}/events/{document['sid']}"})

    async def update(self, request: HttpRequest) -> Answer:
        """Change what the body names, keep the rest; answer with the merged event."""
        key = idempotency_key(request.headers)
        patch = writes.patch_of(request.body)
        current = await self._current(request)
        now = request.received_at
        change = writes.update(patch, current, key=key, now=now, record_id=self._service.new_id(now))
        await self._service.once(APITRAFFIC.name, now, lambda _: change)
        return json_answer(200, apitraffic.view(change.event))

    async def delete(self, request: HttpRequest) -> Answer:
        """Delete an event; answer with its sid."""
        key = idempotency_key(request.headers)
        current = await self._current(request)
        now = request.received_at
        change = changes.delete_event(current, key=key, now=now, record_id=self._service.new_id(now))
        await self._service.once(APITRAFFIC.name, now, lambda _: change)
        return json_answer(200, {"sid": sids.sid_of(current.id), "deleted": True})

    async def _current(self, request: HttpRequest) -> Event:
        sid = request.params["eventSid"]
        event_id = sids.id_of_sid(sid)
        event = await self._service.events.current(request.tenant, APITRAFFIC.name, event_id, request.groups) if event_id else None
        if event is None:
            raise NotFound(f"there is no event {sid[:100]}", where="PATH")
        return event


def routes(service: IngestService) -> list[HttpRoute]:
    """Return ApiTraffic's writing routes."""
    handlers = ApiTrafficWrites(service)
    return [
        HttpRoute("POST", ACCOUNT_EVENTS_PATH, APITRAFFIC, handlers.create, media=JSON_MEDIA),
        HttpRoute("PUT", ACCOUNT_EVENT_PATH, APITRAFFIC, handlers.update, media=JSON_MEDIA),
        HttpRoute("DELETE", ACCOUNT_EVENT_PATH, APITRAFFIC, handlers.delete),
    ]
