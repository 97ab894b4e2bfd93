"""Tracker's reads over HTTP (Tracker, "Getting", "Listing", "Searching" and "Today's Events"): only events that Tracker clients sent."""

from causeline.query_api import tracker_parameters as parameters
from causeline.query_api.app import Reader
from causeline.query_api.query import EventFilter, Page
from causeline.schemas.dialects import tracker
from causeline.schemas.errors import Answer, NotFound
from causeline.schemas.http import HttpRequest, HttpRoute, json_answer


class TrackerReads:
    """The handlers. Lists are newest first; ties in time are ordered by id, so pages neither repeat nor skip."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with one event, also right after it was acknowledged."""
        named = request.params["id"]
        event_id = tracker.event_id(named)
        event = await self._reader.event(request.tenant, "tracker", event_id) if event_id else None
        if event is None:
            raise NotFound(f"there is no event {named[:100]}")
        return json_answer(200, tracker.view_one(event))

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with a page of all events."""
        given = parameters.parameters(request.query())
        return await self._page(parameters.all_events(request.tenant), parameters.paging(given))

    async def search(self, request: HttpRequest) -> Answer:
        """Answer with the events that match every filter."""
        given = parameters.parameters(request.query())
        return await self._page(parameters.search(request.tenant, given), parameters.search_paging(given))

    async def today(self, request: HttpRequest) -> Answer:
        """Answer with a page of the events of this UTC day."""
        given = parameters.parameters(request.query())
        return await self._page(parameters.today(request.tenant, request.received_at), parameters.paging(given))

    async def _page(self, where: EventFilter, paging: parameters.Paging) -> Answer:
        store = self._reader.store
        total = await store.count(where)
        beyond = paging.offset >= total
        events = [] if beyond else await store.events(where, Page(limit=paging.limit, offset=paging.offset))
        return json_answer(200, tracker.view_many(events, total))


def routes(reader: Reader) -> list[HttpRoute]:
    """Return Tracker's reading routes."""
    handlers = TrackerReads(reader)
    base = "/api/v1alpha1"
    return [
        HttpRoute("GET", f"{base}/event/{{id}}", "tracker", "tracker", handlers.get),
        HttpRoute("GET", f"{base}/events/list", "tracker", "tracker", handlers.list),
        HttpRoute("GET", f"{base}/events/search", "tracker", "tracker", handlers.search),
        HttpRoute("GET", f"{base}/events/today", "tracker", "tracker", handlers.today),
    ]
