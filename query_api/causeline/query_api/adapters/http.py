"""All reading routes, whatever the dialect."""

from causeline.query_api.adapters import (
    http_annotations,
    http_apitraffic,
    http_cto_ai,
    http_deliveries,
    http_desk,
    http_escapekit,
    http_native,
    http_tracker,
)
from causeline.query_api.app import Reader
from causeline.schemas.dialects.tracker_codes import Profile
from causeline.schemas.http import HttpRoute


def routes(reader: Reader, tracker: Profile = "document") -> list[HttpRoute]:
    """Return the routes of every dialect's reads; `tracker` is the profile that Tracker's speak."""
    return [
        *http_native.routes(reader),
        *http_desk.routes(reader, reader.frontier),
        *http_tracker.routes(reader, tracker),
        *http_cto_ai.routes(reader),
        *http_annotations.routes(reader),
        *http_deliveries.routes(reader.deliveries),
        *http_apitraffic.routes(reader),
        *http_escapekit.routes(reader),
    ]
