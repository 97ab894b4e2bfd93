"""Tracker's writing calls over HTTP (Tracker, "Creating", "Updating" and "Deleting Events"): requests in, answers of the profile out."""

from causeline.ingest.app import IngestService
from causeline.ingest.dialects.tracker.calls import TrackerWriter
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.released import VIEWS
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer


class TrackerWrites:
    """The handlers. Every answer with 200 is given after the record is durable."""

    def __init__(self, writer: TrackerWriter, profile: Profile) -> None:
        self._writer = writer
        self._views = VIEWS[profile]

    async def create(self, request: HttpRequest) -> Answer:
        """Store a new event; answer with all of it."""
        return self._answer(await self._writer.create(request.body, request))

    async def update(self, request: HttpRequest) -> Answer:
        """Change what the body names, keep the rest; answer with the merged event."""
        return self._answer(await self._writer.update(request.body, request))

    async def name_slack(self, request: HttpRequest) -> Answer:
        """Give an event its Slack id; answer with the event."""
        return self._answer(await self._writer.name_slack(request.params["id"], request.body, request))

    async def add_entry(self, request: HttpRequest) -> Answer:
        """Add an entry to an event's changelog; answer with the event."""
        return self._answer(await self._writer.add_entry(request.params["id"], request.body, request))

    async def delete(self, request: HttpRequest) -> Answer:
        """Delete an event, named by its id or its Slack id; answer with its id."""
        path_id = request.params["id"]
        event = await self._writer.delete(path_id, path_id, request)
        return json_answer(200, self._views.deleted(event))

    def _answer(self, event: Event) -> Answer:
        return json_answer(200, self._views.one(event))


def routes(service: IngestService, profile: Profile = "document") -> list[HttpRoute]:
    """Return Tracker's writing routes, in the words of a profile."""
    handlers = TrackerWrites(TrackerWriter(service, profile), profile)
    event, event_by_id = "/api/v1alpha1/event", "/api/v1alpha1/event/{id}"
    return [
        HttpRoute("POST", event, TRACKER, handlers.create, media=JSON_MEDIA),
        HttpRoute("PUT", event, TRACKER, handlers.update, media=JSON_MEDIA),
        HttpRoute("DELETE", event_by_id, TRACKER, handlers.delete),
        HttpRoute("POST", f"{event_by_id}/slack", TRACKER, handlers.name_slack, media=JSON_MEDIA),
        HttpRoute("POST", f"{event_by_id}/changelog", TRACKER, handlers.add_entry, media=JSON_MEDIA),
    ]
