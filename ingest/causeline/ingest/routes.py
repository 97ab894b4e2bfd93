"""Every writing route of ingest, by dialect."""

from causeline.ingest.app import IngestService
from causeline.ingest.dialects.apitraffic import http
from causeline.ingest.dialects.cto_ai import http as http_cto_ai
from causeline.ingest.dialects.desk import http as http_desk
from causeline.ingest.dialects.escapekit import http as http_escapekit
from causeline.ingest.dialects.native import http as http_native
from causeline.ingest.dialects.tracker import http as http_tracker
from causeline.ingest.ports import RandomBytes
from causeline.ingest.subscriptions import http as http_subscriptions
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.web.http import HttpRoute


def routes(service: IngestService, subscribing: Subscribing, random: RandomBytes, tracker: Profile = "document") -> list[HttpRoute]:
    """Return the writing routes of all dialects; `tracker` is the profile that Tracker's speak, `random` makes signing secrets."""
    return [
        *http_native.routes(service),
        *http_subscriptions.routes(subscribing, random),
        *http_tracker.routes(service, tracker),
        *http_desk.routes(service),
        *http_cto_ai.routes(service),
        *http.routes(service),
        *http_escapekit.routes(service, subscribing),
    ]
