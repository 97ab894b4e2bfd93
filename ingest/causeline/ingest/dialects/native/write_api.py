"""The native API's writing side: events, and the services, feedback, definitions and subscriptions, which lie in rooms of their own."""

from typing import Final

from causeline.ingest.definitions import http as definitions
from causeline.ingest.dialects.native import http, openapi
from causeline.ingest.dialects.write_api import WriteApi, WriteParts
from causeline.ingest.feedback import http as feedback
from causeline.ingest.services import http as services
from causeline.ingest.subscriptions import http as subscriptions
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.http import HttpRoute


def _routes(parts: WriteParts) -> list[HttpRoute]:
    return [
        *http.routes(parts.service),
        *services.routes(parts.registering),
        *feedback.routes(parts.feedback),
        *definitions.routes(parts.defining),
        *subscriptions.routes(parts.subscribing, parts.random),
    ]


NATIVE_WRITES: Final = WriteApi(NATIVE, _routes, openapi.PART)
