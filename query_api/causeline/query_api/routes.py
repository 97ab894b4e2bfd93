"""All reading routes, whatever the dialect."""

from causeline.query_api.dialects.apitraffic import http
from causeline.query_api.dialects.cto_ai import http as http_cto_ai
from causeline.query_api.dialects.desk import http as http_desk
from causeline.query_api.dialects.escapekit import http as http_escapekit
from causeline.query_api.dialects.native import annotations_http, deliveries_http
from causeline.query_api.dialects.native import http as http_native
from causeline.query_api.dialects.tracker import http as http_tracker
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.web.http import HttpRoute


def routes(reader: Reader, tracker: Profile = "document") -> list[HttpRoute]:
    """Return the routes of every dialect's reads; `tracker` is the profile that Tracker's speak."""
    return [
        *http_native.routes(reader),
        *http_desk.routes(reader, reader.frontier),
        *http_tracker.routes(reader, tracker),
        *http_cto_ai.routes(reader),
        *annotations_http.routes(reader),
        *deliveries_http.routes(reader.deliveries),
        *http.routes(reader),
        *http_escapekit.routes(reader),
    ]
