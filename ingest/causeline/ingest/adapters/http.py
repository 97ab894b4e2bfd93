"""Every writing route of ingest, by dialect."""

from causeline.ingest.adapters import http_desk, http_native, http_tracker
from causeline.ingest.app import IngestService
from causeline.schemas.http import HttpRoute


def routes(service: IngestService) -> list[HttpRoute]:
    """Return the writing routes of all dialects."""
    return [*http_native.routes(service), *http_tracker.routes(service), *http_desk.routes(service)]
