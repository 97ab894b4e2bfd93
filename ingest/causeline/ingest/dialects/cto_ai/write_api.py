"""CTO.ai's writing side."""

from typing import Final

from causeline.ingest.dialects.cto_ai import http, openapi
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.web.http import HttpRoute


def _routes(parts: WriteParts) -> list[HttpRoute]:
    return http.routes(parts.service)


CTO_AI_WRITES: Final = WriteApi(CTO_AI, _routes, openapi.PART)
