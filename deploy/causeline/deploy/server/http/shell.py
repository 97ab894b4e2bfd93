"""The HTTP shell: one RSGI application that turns bytes into an HttpRequest and an Answer into bytes.

It is plain RSGI, not a framework, because it is on the path of every event: routing is a dictionary look-up, the handler is called
directly, and what a framework would offer beyond that (dependency injection, middleware) is not used. Everything that all routes
have in common lives here and only here: limits, codings, tenants, envelopes, metrics.
"""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import structlog
from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from granian.rsgi import Scope

from causeline.deploy.access.access import Gate
from causeline.deploy.access.browsers import Browsers
from causeline.deploy.access.cors import Cors
from causeline.deploy.server.door import Door, spread
from causeline.deploy.server.http.bodies import SMALL_BODY, Bodies, inflate, media_type
from causeline.deploy.server.http.leaving import while_client_stays
from causeline.deploy.server.http.streaming import STALL_S, respond
from causeline.deploy.server.routing import RouteTable, allowed_methods
from causeline.schemas import telemetry
from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.web import header_fields
from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import (
    Answer,
    BodyTimeout,
    ClientGone,
    ForeignPage,
    InternalError,
    InvalidHeader,
    Overloaded,
    RequestError,
)
from causeline.schemas.web.http import HttpRequest, HttpRoute, demand_text

_log = structlog.get_logger(__name__)

_SERVER_ERROR: Final = 500
_seconds: Final = cache(telemetry.HTTP_SECONDS.labels)
"""Looking up a labelled histogram costs more than observing."""


class Shell:
    """The application that granian calls for every request. `browsers` None asks nothing of pages: who calls shows a token."""

    def __init__(
        self,
        routes: RouteTable,
        clock: Callable[[], int],
        gate: Gate,
        door: Door,
        bodies: Bodies,
        *,
        stall_s: float = STALL_S,
        browsers: Browsers | None = None,
        cors: Cors | None = None,
    ) -> None:
        self._under_way: set[Scope] = set()
        self._browsers = browsers
        self._cors = cors
        self._routes = routes
        self._clock = clock
        self._gate = gate
        self._door = door
        self._bodies = bodies
        self._stall_s = stall_s

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        """Serve one request; only HTTP is spoken."""
        if scope.proto != "http":
            protocol.close(404)
            return
        self._under_way.add(scope)
        method = scope.method
        try:
            answer, is_body_read = await self._serve(scope, method, protocol)
            if not is_body_read and _announces_body(scope):
                # Else it ends without a word once the answer has gone before the body came, and with it the request that follows.
                answer = answer._replace(headers={**answer.headers, "Connection": "close"})
            if self._cors is not None:
                answer = self._cors.add_headers(method, scope.headers.get, answer)
            status, headers, body, stream = answer
            if stream is not None:
                await respond(protocol, scope, answer, self._stall_s)
                return
            protocol.response_bytes(status, list(headers.items()), b"" if method == "HEAD" else body)
        except ProtocolClosed:
            _log.debug("client went away", path=scope.path)
        finally:
            self._under_way.discard(scope)

    def clients_under_way(self) -> list[str]:
        """Return the addresses of the clients whose requests are under way now."""
        return [scope.client for scope in self._under_way]

    async def _serve(self, scope: Scope, method: str, protocol: HTTPProtocol) -> tuple[Answer, bool]:
        """Return the answer, and whether nothing of the body is left on the connection."""
        is_body_read = False
        began = time.perf_counter()
        path = scope.path
        match = self._routes.plain_match(method, path)
        api = self._routes.api_of(path) if match is None else match.route.api
        try:
            if match is None:
                if method == "OPTIONS" and (methods := self._routes.methods(path)[0]):
                    return Answer(204, {"Allow": ", ".join(allowed_methods(methods))}, b""), False
                match = self._routes.match(method, path)
                api = match.route.api
                demand_text(match.params)
            limits = match.route
            request = self._head(scope, method, path, match.params)
            if self._browsers is not None and limits.needs != "public":
                self._browsers.judge(method, request.headers)
            if limits.media:
                # Who may not write is refused before a byte of the body is read, also where only the body tells which API is meant.
                probable = self._gate.probable(match.sharing, request)
                api = probable.api
                try:
                    admitted_request = self._gate.admit(probable, request)
                except RequestError:
                    if len(match.sharing) > 1:
                        glance = await self._glance(request.headers, protocol)
                        is_body_read = bool(glance)
                        meant_route = match.choose(request.with_body(glance, ""))
                        api = meant_route.api
                        self._gate.admit(meant_route, request)  # refused in its own words, with its own challenge
                    raise
                body = await self._bodies.read(protocol, admitted_request.headers, limits.max_body)
                is_body_read = True
                request = _complete(admitted_request, limits, body)
            else:
                probable = match.choose(request)
                api = probable.api
                request = self._gate.admit(probable, request)
            route = match.choose(request)
            api = route.api
            admitted_request = request if route is probable else self._gate.admit(route, request)
            answering = self._door.serve(route, admitted_request)
            return await (while_client_stays(protocol, answering) if method in _READS else answering), is_body_read
        except RequestError as error:
            return self._refuse(error, api, scope), is_body_read
        except ProtocolClosed:
            raise
        except Exception:  # noqa: BLE001 - a bug in one handler must not take the server down; it is logged with its trace
            _log.exception("request failed", path=path, method=method)
            return self._refuse(InternalError("internal error"), api, scope), is_body_read
        finally:
            _seconds(api.label, method if method in _METHODS else "other").observe(time.perf_counter() - began)

    def _head(self, scope: Scope, method: str, path: str, params: Mapping[str, str]) -> HttpRequest:
        """Return the request without its body. Raises InvalidHeader. A scope makes anew whatever it is asked for, so it is asked once."""
        fields = scope.headers
        headers = header_fields.read_header_fields(fields.items(), fields.keys())
        if "host" not in headers and scope.http_version == "1.1":
            raise header_fields.invalid("host", "is missing")  # RFC 9112, 3.2
        if authority := scope.authority:
            headers["host"] = authority  # of an absolute target, which holds in place of the header (RFC 9112, 3.2.2)
        return HttpRequest(method, path, params, scope.query_string, headers, b"", "", self._clock(), client=scope.client)

    def _refuse(self, error: RequestError, api: Api, scope: Scope) -> Answer:
        if scope.method not in ("GET", "HEAD", "OPTIONS") and isinstance(api, Dialect):  # a look-up of a schema brings no event
            telemetry.EVENTS_REJECTED.labels(api.label, error.reason).inc()
        if isinstance(error, InvalidHeader | ForeignPage):
            telemetry.REQUESTS_REFUSED.labels("http", error.reason).inc()
        spread(error)
        # Whoever refuses because of overload says so once for many.
        level = _log.warning if error.status >= _SERVER_ERROR and not isinstance(error, Overloaded) else _log.debug
        level("request refused", path=scope.path, method=scope.method, status=error.status, reason=error.reason, message=error.message)
        return api.refuse(error)

    async def _glance(self, headers: Mapping[str, str], protocol: HTTPProtocol) -> bytes:
        """Return the body of somebody who is refused on a path of two APIs, where only the body tells in whose words.

        Only a small one, which costs no more than the connection does; b"" for every other, and for one that does not come.
        """
        length = headers.get("content-length", "")
        if "content-encoding" in headers or not length.isdigit() or int(length) > SMALL_BODY:
            return b""
        try:
            return await self._bodies.read(protocol, headers, SMALL_BODY)
        except (BodyTimeout, ClientGone):
            return b""


def _complete(request: HttpRequest, route: HttpRoute, body: bytes) -> HttpRequest:
    """Return the request with its body, inflated within the route's bound. Raises UnsupportedMedia, Malformed or TooLarge."""
    headers = request.headers
    content_type = media_type(route, headers)
    return request.with_body(inflate(body, headers, route.max_body) if "content-encoding" in headers else body, content_type)


def _announces_body(scope: Scope) -> bool:
    """Tell whether the request's framing says so, which the HTTP server has judged (RFC 9112, 6)."""
    headers = scope.headers
    return "transfer-encoding" in headers or (headers.get("content-length") or "0") != "0"


_READS: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
