"""Tracker's reads over gRPC: GetEvent, SearchEvents, ListEvents, TodayEvents. A message is taken as the query string that says the same."""

from functools import partial

from google.protobuf.message import Message

from causeline.query_api import tracker_parameters as parameters
from causeline.query_api.app import Reader
from causeline.query_api.tracker_reads import Found, TrackerReader
from causeline.schemas.dialects.tracker_messages import SERVICE, event_message
from causeline.schemas.http import HttpRequest, HttpRoute
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.rpc import unary


class TrackerReadCalls:
    """The handlers."""

    def __init__(self, reads: TrackerReader) -> None:
        self._reads = reads

    async def get(self, message: pb.GetEventRequest, call: HttpRequest) -> Message:
        """Answer with one event, named by its id or its Slack id, also right after it was acknowledged."""
        return pb.GetEventResponse(event=event_message(await self._reads.one(message.id, call)))

    async def search(self, message: pb.SearchEventsRequest, call: HttpRequest) -> Message:
        """Answer with the events that match every filter."""
        return _many(pb.SearchEventsResponse, await self._reads.search(_given(message), call))

    async def list(self, message: pb.ListEventsRequest, call: HttpRequest) -> Message:
        """Answer with a page of all events."""
        return _many(pb.ListEventsResponse, await self._reads.list(_given(message), call))

    async def today(self, message: pb.TodayEventsRequest, call: HttpRequest) -> Message:
        """Answer with a page of the events of this UTC day."""
        return _many(pb.TodayEventsResponse, await self._reads.today(_given(message), call))


_Many = type[pb.SearchEventsResponse] | type[pb.ListEventsResponse] | type[pb.TodayEventsResponse]


def _many(response: _Many, found: Found) -> Message:
    return response(events=[event_message(event) for event in found.events], total_count=found.total)


def _given(message: Message) -> parameters.Parameters:
    """Return what is set in a message as query parameters. A wrapper that is there counts, whatever its value."""
    pairs = ((field.name, value.value if isinstance(value, Message) else value) for field, value in message.ListFields())
    return parameters.parameters((name, str(value)) for name, value in pairs)


def routes(reader: Reader) -> list[HttpRoute]:
    """Return Tracker's reading methods. The numbers on the wire are those of the released proto, whatever the profile of REST."""
    handlers = TrackerReadCalls(TrackerReader(reader, "released"))
    method = partial(unary, SERVICE, dialect="tracker", scope="read")
    return [
        method("GetEvent", pb.GetEventRequest, handlers.get),
        method("SearchEvents", pb.SearchEventsRequest, handlers.search),
        method("ListEvents", pb.ListEventsRequest, handlers.list),
        method("TodayEvents", pb.TodayEventsRequest, handlers.today),
    ]
