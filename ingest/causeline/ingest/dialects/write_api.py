"""What an API brings to the writing side: one record in each API's folder, and a list of them (`all.py`)."""

from collections.abc import Callable
from typing import NamedTuple

from causeline.ingest.app import IngestService
from causeline.ingest.definitions.defining import Defining
from causeline.ingest.feedback.http import FeedbackParts
from causeline.ingest.ports import RandomBytes
from causeline.ingest.services.registering import Registering
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.web.http import HttpRoute
from causeline.schemas.web.openapi import OpenApiPart


class WriteParts(NamedTuple):
    """What handlers are made of. `random` makes signing secrets, `tracker` is the profile that Tracker's REST API speaks."""

    service: IngestService
    subscribing: Subscribing
    registering: Registering
    feedback: FeedbackParts
    defining: Defining
    random: RandomBytes
    tracker: Profile


def _none(_: IngestService) -> list[HttpRoute]:
    return []


class WriteApi(NamedTuple):
    """The writing side of an API: its routes over HTTP, what the OpenAPI document says of them, and its methods over gRPC."""

    dialect: Dialect
    routes: Callable[[WriteParts], list[HttpRoute]]
    openapi: OpenApiPart
    rpcs: Callable[[IngestService], list[HttpRoute]] = _none
