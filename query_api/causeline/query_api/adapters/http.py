"""All reading routes, whatever the dialect."""

from causeline.query_api.adapters import http_desk, http_native, http_tracker
from causeline.query_api.app import Reader
from causeline.schemas.http import HttpRoute


def routes(reader: Reader) -> list[HttpRoute]:
    """Return the routes of every dialect's reads."""
    return [*http_native.routes(reader), *http_desk.routes(reader, reader.frontier), *http_tracker.routes(reader)]
