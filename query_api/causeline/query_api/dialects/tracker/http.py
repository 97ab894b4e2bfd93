"""Tracker's reads over HTTP (Tracker, "Getting", "Listing", "Searching" and "Today's Events"), in the words of a profile."""

from causeline.query_api.dialects.tracker import parameters
from causeline.query_api.dialects.tracker.reads import EventPage, TrackerReader
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.tracker import changelog as tracker_changelog
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.released import VIEWS
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


class TrackerReads:
    """The handlers."""

    def __init__(self, reads: TrackerReader, profile: Profile) -> None:
        self._reads = reads
        self._views = VIEWS[profile]

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with one event, named by its id or its Slack id, also right after it was acknowledged."""
        event = await self._reads.one(request.params["id"], request)
        return json_answer(200, self._views.one(event))

    async def changelog(self, request: HttpRequest) -> Answer:
        """Answer with what the updates of an event changed, oldest first."""
        page = await self._reads.changelog(request.params["id"], _parameters_of(request), request)
        return json_answer(200, {tracker_changelog.CHANGELOG_MEMBER: page.entries, "totalCount": page.total})

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with a page of all events."""
        return self._many(await self._reads.list(_parameters_of(request), request))

    async def search(self, request: HttpRequest) -> Answer:
        """Answer with the events that match every filter."""
        return self._many(await self._reads.search(_parameters_of(request), request))

    async def today(self, request: HttpRequest) -> Answer:
        """Answer with a page of the events of this UTC day."""
        return self._many(await self._reads.today(_parameters_of(request), request))

    async def stats(self, request: HttpRequest) -> Answer:
        """Answer with the counts of a search."""
        return json_answer(200, await self._reads.stats(_parameters_of(request), request))

    async def monthly(self, request: HttpRequest) -> Answer:
        """Answer with the counts of a search, month by month, the last twelve unless dates are given."""
        return json_answer(200, await self._reads.monthly(_parameters_of(request), request))

    def _many(self, page: EventPage) -> Answer:
        return json_answer(200, self._views.many(page.events, page.total))


def _parameters_of(request: HttpRequest) -> parameters.ParameterValues:
    return parameters.parameters(request.query())


def routes(reader: Reader, profile: Profile = "document") -> list[HttpRoute]:
    """Return Tracker's reading routes, in the words of a profile."""
    handlers = TrackerReads(TrackerReader(reader, profile), profile)
    paths = {
        "event/{id}": handlers.get,
        "event/{id}/changelog": handlers.changelog,
        "events/list": handlers.list,
        "events/search": handlers.search,
        "events/today": handlers.today,
        "events/stats": handlers.stats,
        "events/stats/monthly": handlers.monthly,
    }
    return [HttpRoute("GET", f"/api/v1alpha1/{path}", TRACKER, handler) for path, handler in paths.items()]
