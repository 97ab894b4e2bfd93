"""The native API's reading side but its stream, which reads the log itself and is made by the server."""

from typing import Final

from causeline.query_api.dialects.native import annotations_http, causes_http, deliveries_http, http, openapi
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    reader = parts.reader
    return [
        *http.routes(reader),
        *causes_http.routes(reader, parts.topology),
        *annotations_http.routes(reader),
        *deliveries_http.routes(reader.deliveries),
    ]


NATIVE_READS: Final = ReadApi(NATIVE, _routes, openapi.PART)
