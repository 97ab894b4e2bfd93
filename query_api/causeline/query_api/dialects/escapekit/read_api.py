"""EscapeKit's reading side."""

from typing import Final

from causeline.query_api.dialects.escapekit import http, openapi
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    return http.routes(parts.reader)


ESCAPEKIT_READS: Final = ReadApi(ESCAPEKIT, _routes, openapi.PART)
