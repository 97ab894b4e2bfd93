"""Tracker's reads over gRPC: a message is taken as the query string that says the same, and counts are answered with REST's JSON."""

from functools import partial

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from causeline.query_api.dialects.tracker import parameters
from causeline.query_api.dialects.tracker.reads import EventPage, TrackerReader
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.messages import SERVICE, event_reference, proto_entry, proto_event
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.web.http import HttpRequest, HttpRoute
from causeline.schemas.web.rpc import unary


class TrackerReadCalls:
    """The handlers."""

    def __init__(self, reads: TrackerReader) -> None:
        self._reads = reads

    async def get(self, message: pb.GetEventRequest, call: HttpRequest) -> Message:
        """Answer with one event, named by its id or its Slack id, also right after it was acknowledged."""
        return pb.GetEventResponse(event=proto_event(await self._reads.one(event_reference(message.id), call)))

    async def search(self, message: pb.SearchEventsRequest, call: HttpRequest) -> Message:
        """Answer with the events that match every filter."""
        return _many(pb.SearchEventsResponse, await self._reads.search(_parameters_of(message), call))

    async def list(self, message: pb.ListEventsRequest, call: HttpRequest) -> Message:
        """Answer with a page of all events."""
        return _many(pb.ListEventsResponse, await self._reads.list(_parameters_of(message), call))

    async def today(self, message: pb.TodayEventsRequest, call: HttpRequest) -> Message:
        """Answer with a page of the events of this UTC day."""
        return _many(pb.TodayEventsResponse, await self._reads.today(_parameters_of(message), call))

    async def changelog(self, message: pb.GetEventChangelogRequest, call: HttpRequest) -> Message:
        """Answer with what the updates of an event changed, oldest first."""
        page = await self._reads.changelog(event_reference(message.id), _parameters_of(message), call)
        return pb.GetEventChangelogResponse(changelog=[proto_entry(entry) for entry in page.entries], total_count=page.total)

    async def stats(self, message: pb.GetEventStatsRequest, call: HttpRequest) -> Message:
        """Answer with the counts of a search."""
        return ParseDict(await self._reads.stats(_parameters_of(message), call), pb.GetEventStatsResponse())

    async def monthly(self, message: pb.GetEventStatsByMonthRequest, call: HttpRequest) -> Message:
        """Answer with the counts of a search, month by month, the last twelve unless dates are given."""
        return ParseDict(await self._reads.monthly(_parameters_of(message), call), pb.GetEventStatsByMonthResponse())


_Many = type[pb.SearchEventsResponse] | type[pb.ListEventsResponse] | type[pb.TodayEventsResponse]


def _many(response: _Many, page: EventPage) -> Message:
    return response(events=[proto_event(event) for event in page.events], total_count=page.total)


def _parameters_of(message: Message) -> parameters.ParameterValues:
    """Return what is set in a message as query parameters. A wrapper that is there counts, whatever its value."""
    pairs = ((field.name, value) for field, content in message.ListFields() for value in (content if field.is_repeated else (content,)))
    return parameters.parameters((name, str(value.value if isinstance(value, Message) else value)) for name, value in pairs)


def routes(reader: Reader) -> list[HttpRoute]:
    """Return Tracker's reading methods. The numbers on the wire are those of the released proto, whatever the profile of REST."""
    handlers = TrackerReadCalls(TrackerReader(reader, "released"))
    method = partial(unary, SERVICE, api=TRACKER, scope="read")
    return [
        method("GetEvent", pb.GetEventRequest, handlers.get),
        method("SearchEvents", pb.SearchEventsRequest, handlers.search),
        method("ListEvents", pb.ListEventsRequest, handlers.list),
        method("TodayEvents", pb.TodayEventsRequest, handlers.today),
        method("GetEventChangelog", pb.GetEventChangelogRequest, handlers.changelog),
        method("GetEventStats", pb.GetEventStatsRequest, handlers.stats),
        method("GetEventStatsByMonth", pb.GetEventStatsByMonthRequest, handlers.monthly),
    ]
