"""Paths to routes: a dictionary for fixed paths, patterns for the rest, and the dialect whose envelope says what is missing.

Two slices own different methods of one path (ingest writes, query_api reads), so the table is merged here, where both are known.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from starlette.routing import compile_path

from causeline.schemas.web.errors import Envelope, MethodNotAllowed, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute

_ENVELOPE_BY_PREFIX: Final[tuple[tuple[str, Envelope], ...]] = (
    ("/api/v1alpha1/", "tracker"),
    ("/api/v1/events/query", "escapekit"),
    ("/api/v1/events/subscriptions", "escapekit"),
    ("/internal/", "escapekit"),
    ("/v1/accounts/", "apitraffic"),
    ("/events", "cto_ai"),
    ("/api/v1/events", "desk"),
    ("/e/", "desk"),
    ("/schemas/", "registry"),
    ("/subjects", "registry"),
    ("/config", "registry"),
    ("/mode", "registry"),
)

_PREFIXES: Final = tuple(prefix for prefix, _ in _ENVELOPE_BY_PREFIX)

Sharing = tuple[HttpRoute, ...]
Methods = Mapping[str, Sharing]


class Match(NamedTuple):
    """The routes that share a method and a path (nearly always one), and the values of the path parameters."""

    sharing: Sharing
    params: dict[str, str]

    @property
    def route(self) -> HttpRoute:
        """The route that serves what no other one of the path accepts: its limits and its envelope hold until the choice is made."""
        return self.sharing[-1]

    def choose(self, request: HttpRequest) -> HttpRoute:
        """Return the route that this request is meant for."""
        if len(self.sharing) == 1:
            return self.sharing[0]
        return next((route for route in self.sharing if route.accepts is None or route.accepts(request)), self.route)


def envelope_of(path: str) -> Envelope:
    """Return in whose words an error about this path is said when no route matches."""
    if not path.startswith(_PREFIXES):  # asked for every request, and most are native
        return "native"
    return next((envelope for prefix, envelope in _ENVELOPE_BY_PREFIX if path.startswith(prefix)), "native")


class RouteTable:
    """All routes of all slices. A HEAD is served by GET; one trailing slash is ignored."""

    def __init__(self, routes: Iterable[HttpRoute]) -> None:
        self._fixed: dict[str, dict[str, Sharing]] = {}
        patterns: dict[str, dict[str, Sharing]] = {}
        for route in routes:
            table = patterns if "{" in route.path else self._fixed
            methods = table.setdefault(route.path, {})
            sharing = sorted((*methods.get(route.method, ()), route), key=lambda one: one.accepts is None)
            if sum(one.accepts is None for one in sharing) > 1:
                raise ValueError(f"two routes for {route.method} {route.path}")
            methods[route.method] = tuple(sharing)
        self._patterns: list[tuple[re.Pattern[str], Methods]] = [
            (compile_path(path)[0], methods) for path, methods in sorted(patterns.items())
        ]

    def methods(self, path: str) -> tuple[Methods, dict[str, str]]:
        """Return the methods of a path and its parameters, empty where the path is unknown."""
        path = path[:-1] if len(path) > 1 and path.endswith("/") else path
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        for pattern, methods in self._patterns:
            found = pattern.match(path)
            if found is not None:
                return methods, found.groupdict()
        return {}, {}

    def match(self, method: str, path: str) -> Match:
        """Return the route of a request. Raises NotFound or MethodNotAllowed (with Allow)."""
        methods, params = self.methods(path)
        if not methods:
            raise NotFound(f"there is nothing at {path}")
        sharing = methods.get("GET" if method == "HEAD" else method)
        if sharing is None:
            raise MethodNotAllowed(f"{method} is not allowed on {path}", allowed(methods))
        return Match(sharing, params)


def allowed(methods: Methods) -> tuple[str, ...]:
    """Return the methods for the Allow header."""
    extra = {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return tuple(sorted(extra | set(methods)))
