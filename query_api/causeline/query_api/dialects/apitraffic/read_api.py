"""ApiTraffic's reading side."""

from typing import Final

from causeline.query_api.dialects.apitraffic import http, openapi
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    return http.routes(parts.reader)


APITRAFFIC_READS: Final = ReadApi(APITRAFFIC, _routes, openapi.PART)
