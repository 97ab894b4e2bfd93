"""Every writing route of ingest, whatever the API."""

from collections.abc import Iterable

from causeline.ingest.app import IngestService
from causeline.ingest.definitions.defining import Defining
from causeline.ingest.dialects.all import WRITE_APIS
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.ingest.feedback.http import FeedbackParts
from causeline.ingest.ports import RandomBytes
from causeline.ingest.services.registering import Registering
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.web.http import HttpRoute


def routes(
    service: IngestService,
    subscribing: Subscribing,
    registering: Registering,
    feedback: FeedbackParts,
    defining: Defining,
    random: RandomBytes,
    tracker: Profile = "document",
    apis: Iterable[WriteApi] = WRITE_APIS,
) -> list[HttpRoute]:
    """Return the writing routes of the APIs; `tracker` is the profile that Tracker's speak, `random` makes signing secrets."""
    parts = WriteParts(service, subscribing, registering, feedback, defining, random, tracker)
    return [route for api in apis for route in api.routes(parts)]


def rpcs(service: IngestService, apis: Iterable[WriteApi] = WRITE_APIS) -> list[HttpRoute]:
    """Return the writing methods of the APIs over gRPC."""
    return [route for api in apis for route in api.rpcs(service)]
