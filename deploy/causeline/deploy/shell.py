"""The HTTP shell: one RSGI application that turns bytes into an HttpRequest and an Answer into bytes.

It is plain RSGI, not a framework, because it is on the path of every event: routing is a dictionary look-up, the handler is called
directly, and what a framework would offer beyond that (dependency injection, middleware) is not used. Everything that all routes
have in common lives here and only here: limits, codings, tenants, envelopes, metrics.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from granian.rsgi import Scope

from causeline.deploy.bodies import announced_length, inflated, media_type, read_within
from causeline.deploy.routing import RouteTable, allowed, envelope_of
from causeline.schemas import telemetry
from causeline.schemas.dialects import desk
from causeline.schemas.errors import Answer, Envelope, InternalError, Invalid, RequestError, answer
from causeline.schemas.http import HttpRequest, HttpRoute

_log = structlog.get_logger(__name__)

DEFAULT_TENANT: Final = "default"
TENANT_HEADER: Final = "causeline-tenant"
_TENANT: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SERVER_ERROR: Final = 500

Clock = Callable[[], int]


def tenant_of(route: HttpRoute, params: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Return whose events the request is about while nobody is authenticated: the environment it names, its header, or the default."""
    environment = desk.tenant_of(params, headers) if route.dialect == "desk" else None
    tenant = environment or headers.get(TENANT_HEADER) or DEFAULT_TENANT
    if _TENANT.fullmatch(tenant) is None:
        raise Invalid("the header Causeline-Tenant takes 1 to 128 letters, digits, '.', '_' or '-'", where="HEADER")
    return tenant


class Shell:
    """The application that granian calls for every request."""

    def __init__(self, routes: RouteTable, clock: Clock) -> None:
        self._routes = routes
        self._clock = clock
        self.in_flight = 0

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        """Serve one request; only HTTP is spoken."""
        if scope.proto != "http":
            protocol.close(404)
            return
        self.in_flight += 1
        try:
            result = await self._serve(scope, protocol)
            body = b"" if scope.method == "HEAD" else result.body
            protocol.response_bytes(result.status, list(result.headers.items()), body)
        except ProtocolClosed:
            _log.debug("client went away", path=scope.path)
        finally:
            self.in_flight -= 1

    async def _serve(self, scope: Scope, protocol: HTTPProtocol) -> Answer:
        started = time.perf_counter()
        path, method = scope.path, scope.method
        envelope: Envelope = envelope_of(path)
        dialect: str = envelope
        try:
            if method == "OPTIONS" and (methods := self._routes.methods(path)[0]):
                return Answer(204, {"Allow": ", ".join(allowed(methods))}, b"")
            route, params = self._routes.match(method, path)
            envelope, dialect = route.envelope, route.dialect
            return await self._handle(route, params, scope, protocol)
        except RequestError as error:
            return self._refused(error, envelope, dialect, scope)
        except ProtocolClosed:
            raise
        except Exception:  # noqa: BLE001 - a bug in one handler must not take the server down; it is logged with its trace
            _log.exception("request failed", path=path, method=method)
            return self._refused(InternalError("internal error"), envelope, dialect, scope)
        finally:
            telemetry.HTTP_SECONDS.labels(dialect, method if method in _METHODS else "other").observe(time.perf_counter() - started)

    async def _handle(self, route: HttpRoute, params: dict[str, str], scope: Scope, protocol: HTTPProtocol) -> Answer:
        headers = dict(scope.headers.items())
        if scope.authority and "host" not in headers:
            headers["host"] = scope.authority
        body, content_type = b"", ""
        if route.media:
            announced_length(headers, route.max_body)
            if "content-length" in headers:
                body = await protocol()
            else:
                body = await read_within(protocol, route.max_body)
            content_type = media_type(route, headers)
            if "content-encoding" in headers:
                body = inflated(body, headers, route.max_body)
        request = HttpRequest(
            method=scope.method,
            path=scope.path,
            params=params,
            query_string=scope.query_string,
            headers=headers,
            body=body,
            tenant=tenant_of(route, params, headers),
            received_at=self._clock(),
            content_type=content_type,
        )
        return await route.handler(request)

    def _refused(self, error: RequestError, envelope: Envelope, dialect: str, scope: Scope) -> Answer:
        if scope.method not in ("GET", "HEAD", "OPTIONS"):
            telemetry.EVENTS_REJECTED.labels(dialect, error.reason).inc()
        level = _log.warning if error.status >= _SERVER_ERROR else _log.debug
        level("request refused", path=scope.path, method=scope.method, status=error.status, reason=error.reason, message=error.message)
        return answer(envelope, error)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
