"""The native API's reading side but its stream, which reads the log itself and is made by the server."""

from typing import Final

from causeline.query_api.dialects.native import (
    annotations_http,
    causes_http,
    deliveries_http,
    dora_http,
    effects_http,
    http,
    insights_http,
    lanes_http,
    openapi,
    terms_http,
)
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.http import HttpRoute


def _routes(parts: ReadParts) -> list[HttpRoute]:
    reader = parts.reader
    return [
        *http.routes(reader),
        *causes_http.routes(reader, parts.causes),
        *terms_http.routes(reader, parts.causes),
        *effects_http.routes(reader, parts.causes),
        *annotations_http.routes(reader),
        *deliveries_http.routes(reader.deliveries),
        *insights_http.routes(reader),
        *lanes_http.routes(reader),
        *dora_http.routes(parts.dora),
    ]


NATIVE_READS: Final = ReadApi(NATIVE, _routes, openapi.PART)
