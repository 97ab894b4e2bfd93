"""The DESK Events API v1's writing side."""

from typing import Final

from causeline.ingest.dialects.desk import http, openapi
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.web.http import HttpRoute


def _routes(parts: WriteParts) -> list[HttpRoute]:
    return http.routes(parts.service)


DESK_WRITES: Final = WriteApi(DESK, _routes, openapi.PART)
