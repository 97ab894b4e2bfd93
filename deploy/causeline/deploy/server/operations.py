"""The operator's routes: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/asyncapi.json`, `/docs`."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from causeline.deploy.server.readiness import PARTS, Readiness
from causeline.schemas import telemetry
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import Handler, HttpRequest, HttpRoute, json_answer

_DOCS: Final = files("causeline.deploy.server").joinpath("docs.html")


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

    page = _DOCS.read_bytes()

    async def docs(_: HttpRequest) -> Answer:
        return Answer(200, dict(page_headers(page)), page)

    handlers = {
        "/healthz": healthz,
        "/readyz": readyz,
        "/metrics": metrics,
        "/docs": docs,
        **{path: _document_handler(document) for path, document in documents.items()},
    }
    return [HttpRoute("GET", path, NATIVE, handler, scope="public") for path, handler in handlers.items()]


def page_headers(page: bytes) -> Mapping[str, str]:
    """Return the header fields of a page of our own: it runs and shows what is in it, asks this server only, and is in nobody's frame."""
    script, style = (_hashes(page, tag) for tag in (b"script", b"style"))
    policy = f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; base-uri 'none'; form-action 'none'"
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _hashes(page: bytes, tag: bytes) -> str:
    """Return the sources of a page's inline elements of a tag, by the hash of what they hold (CSP 3, 8.3)."""
    contents = re.findall(b"<%s>(.*?)</%s>" % (tag, tag), page, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in contents) or "'none'"


def _document_handler(document: Callable[[], dict[str, Any]]) -> Handler:
    cached_document = cache(document)

    async def show(_: HttpRequest) -> Answer:
        return json_answer(200, cached_document())

    return show
