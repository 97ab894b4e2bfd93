"""EscapeKit's writing side."""

from typing import Final

from causeline.ingest.dialects.escapekit import http, openapi
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.web.http import HttpRoute


def _routes(parts: WriteParts) -> list[HttpRoute]:
    return http.routes(parts.service, parts.subscribing)


ESCAPEKIT_WRITES: Final = WriteApi(ESCAPEKIT, _routes, openapi.PART)
