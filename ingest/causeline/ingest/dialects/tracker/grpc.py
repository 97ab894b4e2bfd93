"""Tracker's writing calls over gRPC: a message is taken as the REST body that says the same."""

from functools import partial

import msgspec
from google.protobuf.message import Message

from causeline.ingest.app import IngestService
from causeline.ingest.dialects.tracker.calls import TrackerWriter
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.messages import SERVICE, event_reference, proto_event, rest_object
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.web.http import HttpRequest, HttpRoute
from causeline.schemas.web.rpc import unary


class TrackerWriteCalls:
    """The handlers. Every answer is given after the record is durable."""

    def __init__(self, writer: TrackerWriter) -> None:
        self._writer = writer

    async def create(self, message: pb.CreateEventRequest, call: HttpRequest) -> Message:
        """Store a new event; answer with all of it."""
        return pb.CreateEventResponse(event=proto_event(await self._writer.create(_body(message), call)))

    async def update(self, message: pb.UpdateEventRequest, call: HttpRequest) -> Message:
        """Change what the message names, keep the rest; answer with the merged event."""
        return pb.UpdateEventResponse(event=proto_event(await self._writer.update(_body(message), call)))

    async def name_slack(self, message: pb.AddSlackIdRequest, call: HttpRequest) -> Message:
        """Give an event its Slack id; answer with the event."""
        return pb.AddSlackIdResponse(event=proto_event(await self._writer.name_slack(event_reference(message.id), _body(message), call)))

    async def add_entry(self, message: pb.AddChangelogEntryRequest, call: HttpRequest) -> Message:
        """Add an entry to an event's changelog; answer with the event."""
        return pb.AddChangelogEntryResponse(
            event=proto_event(await self._writer.add_entry(event_reference(message.id), _body(message), call))
        )

    async def delete(self, message: pb.DeleteEventRequest, call: HttpRequest) -> Message:
        """Delete an event; answer with its names."""
        event_reference(message.id, message.slack_id)
        event = await self._writer.delete(message.id, message.slack_id, call)
        return pb.DeleteEventResponse(id=event.id, slack_id=event.tags.get(tracker.SLACK_TAG, ""))


def _body(message: Message) -> bytes:
    return msgspec.json.encode(rest_object(message))


def routes(service: IngestService) -> list[HttpRoute]:
    """Return Tracker's writing methods. The numbers on the wire are those of the released proto, whatever the profile of REST."""
    handlers = TrackerWriteCalls(TrackerWriter(service, "released"))
    method = partial(unary, SERVICE, api=TRACKER, scope="ingest")
    return [
        method("CreateEvent", pb.CreateEventRequest, handlers.create),
        method("UpdateEvent", pb.UpdateEventRequest, handlers.update),
        method("AddSlackId", pb.AddSlackIdRequest, handlers.name_slack),
        method("AddChangelogEntry", pb.AddChangelogEntryRequest, handlers.add_entry),
        method("DeleteEvents", pb.DeleteEventRequest, handlers.delete),
    ]
