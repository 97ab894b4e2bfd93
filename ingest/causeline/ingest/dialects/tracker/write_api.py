"""Tracker's writing side."""

from typing import Final

from causeline.ingest.dialects.tracker import grpc, http, openapi
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.web.http import HttpRoute


def _routes(parts: WriteParts) -> list[HttpRoute]:
    return http.routes(parts.service, parts.tracker)


TRACKER_WRITES: Final = WriteApi(TRACKER, _routes, openapi.PART, grpc.routes)
