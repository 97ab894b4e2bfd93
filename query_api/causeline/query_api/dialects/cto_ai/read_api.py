"""CTO.ai's reading side."""

from typing import Final

from causeline.query_api.dialects.cto_ai import http, openapi
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    return http.routes(parts.reader)


CTO_AI_READS: Final = ReadApi(CTO_AI, _routes, openapi.PART)
