"""The DESK Events API v1's reading side."""

from typing import Final

from causeline.query_api.dialects.desk import http, openapi
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    return http.routes(parts.reader, parts.reader.frontier)


DESK_READS: Final = ReadApi(DESK, _routes, openapi.PART)
