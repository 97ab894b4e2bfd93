"""The operator's routes: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/asyncapi.json`, `/docs`."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from causeline.deploy.readiness import PARTS, Readiness
from causeline.schemas import telemetry
from causeline.schemas.errors import Answer
from causeline.schemas.http import Handler, HttpRequest, HttpRoute, json_answer

_DOCS: Final = files("causeline.deploy").joinpath("docs.html")


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

    async def docs(_: HttpRequest) -> Answer:
        return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, _DOCS.read_bytes())

    handlers = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
        "/docs": docs,
        **{path: _shown(made) for path, made in documents.items()},
    }
    return [HttpRoute("GET", path, "native", "native", handler, scope="public") for path, handler in handlers.items()]


def _shown(document: Callable[[], dict[str, Any]]) -> Handler:
    made = cache(document)

    async def show(_: HttpRequest) -> Answer:
        return json_answer(200, made())

    return show
