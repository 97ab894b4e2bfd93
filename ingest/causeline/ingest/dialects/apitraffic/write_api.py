"""ApiTraffic's writing side."""

from typing import Final

from causeline.ingest.dialects.apitraffic import http, openapi
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.web.http import HttpRoute


def _routes(parts: WriteParts) -> list[HttpRoute]:
    return http.routes(parts.service)


APITRAFFIC_WRITES: Final = WriteApi(APITRAFFIC, _routes, openapi.PART)
