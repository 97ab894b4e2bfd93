"""The operator's routes: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/asyncapi.json`."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from causeline.deploy.server.readiness import PARTS, Readiness
from causeline.schemas import telemetry
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import Handler, HttpRequest, HttpRoute, json_answer


def routes(readiness: Callable[[], Readiness], documents: Mapping[str, Callable[[], dict[str, Any]]]) -> list[HttpRoute]:
    """Return the operator's routes. `readiness` is asked at every call, each of the `documents` (by path) once."""

    async def healthz(_: HttpRequest) -> Answer:
        return json_answer(200, {"status": "alive"})

    async def readyz(_: HttpRequest) -> Answer:
        now = readiness()
        parts = {name: getattr(now, name) for name in PARTS}
        body = {"status": "ready" if now.ready else "not ready", "parts": parts, "reasons": list(now.reasons)}
        return json_answer(200 if now.ready else 503, body, None if now.ready else {"Retry-After": "1"})

    async def metrics(_: HttpRequest) -> Answer:
        now = readiness()
        for part in PARTS:
            telemetry.UP_TO_DATE.labels(part).set(getattr(now, part))
        return Answer(200, {"Content-Type": CONTENT_TYPE_LATEST}, generate_latest())

    handlers = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
        **{path: _document_handler(document) for path, document in documents.items()},
    }
    return [HttpRoute("GET", path, NATIVE, handler, scope="public") for path, handler in handlers.items()]


def _document_handler(document: Callable[[], dict[str, Any]]) -> Handler:
    cached_document = cache(document)

    async def show(_: HttpRequest) -> Answer:
        return json_answer(200, cached_document())

    return show
