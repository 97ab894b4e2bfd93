"""Tracker's reads, whatever the transport: only events that Tracker clients sent, newest first; ties in time are ordered by id.

`call` says whose events may be seen and when it came; what is asked is an argument of its own, since over gRPC it comes from a message.
"""

from typing import Any, Final, NamedTuple

import msgspec

from causeline.query_api.dialects.tracker import parameters, stats
from causeline.query_api.questions.query import EventFilter, Page
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import NotFound
from causeline.schemas.web.http import HttpRequest


class EventPage(NamedTuple):
    """The events of a page, and how many match in all."""

    events: list[Event]
    total: int


class ChangelogPage(NamedTuple):
    """Entries of a changelog, and how many it has."""

    entries: list[changelog.StoredEntry]
    total: int


class TrackerReader:
    """Answers Tracker's reads. `profile` says whose numbers the filters carry. Raises RequestErrors."""

    def __init__(self, reader: Reader, profile: Profile) -> None:
        self._reader: Final = reader
        self._profile: Final = profile

    async def one(self, reference: str, call: HttpRequest) -> Event:
        """Return an event by its id or its Slack id, also right after it was acknowledged."""
        event_id, slack_id = tracker.parse_event_id(reference), tracker.slack_id(reference)
        event = None
        if event_id:
            event = await self._reader.event(call.tenant, TRACKER.name, event_id, call.groups)
        elif slack_id:
            event = await self._reader.event_by_tag(call.tenant, TRACKER.name, tracker.SLACK_TAG, slack_id, call.groups)
        if event is None:
            raise NotFound(f"there is no event {reference[:100]}")
        return event

    async def changelog(self, reference: str, arguments: parameters.ParameterValues, call: HttpRequest) -> ChangelogPage:
        """Return a page of what the updates of an event changed, oldest first; all of it without paging."""
        page = parameters.changelog_paging(arguments)
        event = await self.one(reference, call)
        entries = changelog.entries(tracker.parse_canonical(event.raw))
        return ChangelogPage(entries[page.offset : page.offset + page.limit], len(entries))

    async def list(self, arguments: parameters.ParameterValues, call: HttpRequest) -> EventPage:
        """Return a page of all events."""
        return await self._page(parameters.all_events(call.tenant), parameters.offset_paging(arguments), call)

    async def search(self, arguments: parameters.ParameterValues, call: HttpRequest) -> EventPage:
        """Return the events that match every filter."""
        return await self._page(parameters.search(call.tenant, arguments, self._profile), parameters.search_paging(arguments), call)

    async def today(self, arguments: parameters.ParameterValues, call: HttpRequest) -> EventPage:
        """Return a page of the events of this UTC day."""
        return await self._page(parameters.today(call.tenant, call.received_at), parameters.offset_paging(arguments), call)

    async def stats(self, arguments: parameters.ParameterValues, call: HttpRequest) -> dict[str, Any]:
        """Return the counts of a search."""
        counts = await stats.totals(await self._reader.lists(call.tenant), self._search_filter(arguments, call))
        return {**counts, **parameters.asked_dates(arguments)}

    async def monthly(self, arguments: parameters.ParameterValues, call: HttpRequest) -> dict[str, Any]:
        """Return the counts of a search month by month, of twelve months unless dates are given."""
        by_service = parameters.flag(arguments, "group_by_service")
        where = stats.last_year(self._search_filter(arguments, call), call.received_at)
        counts = await stats.monthly(await self._reader.lists(call.tenant), where, group_by="service" if by_service else None)
        return {**counts, **parameters.asked_dates(arguments)}

    def _search_filter(self, arguments: parameters.ParameterValues, call: HttpRequest) -> EventFilter:
        return msgspec.structs.replace(parameters.search(call.tenant, arguments, self._profile), groups=call.groups)

    async def _page(self, where: EventFilter, paging: parameters.OffsetPaging, call: HttpRequest) -> EventPage:
        where = msgspec.structs.replace(where, groups=call.groups)
        store = await self._reader.lists(call.tenant)
        total = await store.count(where)
        beyond = paging.offset >= total
        return EventPage([] if beyond else await store.events(where, Page(limit=paging.limit, offset=paging.offset)), total)
