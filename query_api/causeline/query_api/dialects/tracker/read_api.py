"""Tracker's reading side."""

from typing import Final

from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.query_api.dialects.tracker import grpc, http, openapi
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    return http.routes(parts.reader, parts.tracker)


TRACKER_READS: Final = ReadApi(TRACKER, _routes, openapi.PART, grpc.routes)
