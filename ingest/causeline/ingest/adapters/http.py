"""Every writing route of ingest, by dialect."""

from causeline.ingest.adapters import (
    http_apitraffic,
    http_cto_ai,
    http_desk,
    http_escapekit,
    http_native,
    http_subscriptions,
    http_tracker,
)
from causeline.ingest.app import IngestService
from causeline.ingest.ports import RandomBytes
from causeline.ingest.subscribing import Subscribing
from causeline.schemas.dialects.tracker_codes import Profile
from causeline.schemas.http import HttpRoute


def routes(service: IngestService, subscribing: Subscribing, random: RandomBytes, tracker: Profile = "document") -> list[HttpRoute]:
    """Return the writing routes of all dialects; `tracker` is the profile that Tracker's speak, `random` makes signing secrets."""
    return [
        *http_native.routes(service),
        *http_subscriptions.routes(subscribing, random),
        *http_tracker.routes(service, tracker),
        *http_desk.routes(service),
        *http_cto_ai.routes(service),
        *http_apitraffic.routes(service),
        *http_escapekit.routes(service, subscribing),
    ]
