"""Paths to routes: a dictionary for fixed paths, patterns for the rest, and the API in whose words it is said that something is missing.

Two slices own different methods of one path (ingest writes, query_api reads), so the table is merged here, where both are known.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from starlette.routing import compile_path

from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import MethodNotAllowed, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute

Sharing = tuple[HttpRoute, ...]
Methods = Mapping[str, Sharing]


class Match(NamedTuple):
    """The routes that share a method and a path (nearly always one), and the values of the path parameters."""

    sharing: Sharing
    params: Mapping[str, str]

    @property
    def route(self) -> HttpRoute:
        """The route that serves what no other one of the path accepts: its limits and its words hold until the choice is made."""
        return self.sharing[-1]

    def choose(self, request: HttpRequest) -> HttpRoute:
        """Return the route that this request is meant for."""
        if len(self.sharing) == 1:
            return self.sharing[0]
        return next((route for route in self.sharing if route.accepts is None or route.accepts(request)), self.route)


class ApiPaths:
    """Whose paths are whose, by their beginnings: of two that fit the longer one holds, and what is nobody's is native."""

    def __init__(self, apis: Iterable[Api]) -> None:
        by_prefix = [(prefix, api) for api in apis for prefix in api.prefixes]
        self._by_prefix = sorted(by_prefix, key=lambda one: len(one[0]), reverse=True)
        self._prefixes = tuple(prefix for prefix, _ in by_prefix)

    def api_of(self, path: str) -> Api:
        """Return the API in whose words an error about this path is said when no route matches."""
        if not path.startswith(self._prefixes):  # asked for every request, and most are native
            return NATIVE
        return next(api for prefix, api in self._by_prefix if path.startswith(prefix))


class RouteTable:
    """All routes of all slices, and their APIs' paths. A HEAD is served by GET; one trailing slash is ignored."""

    def __init__(self, routes: Sequence[HttpRoute]) -> None:
        self.api_of = ApiPaths(dict.fromkeys(route.api for route in routes)).api_of
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
            (re.compile(compile_path(path)[0].pattern, re.DOTALL), methods)  # a name may hold a line break
            for path, methods in sorted(patterns.items())
        ]
        self._plain: dict[str, dict[str, Match]] = {
            path: {method: Match(sharing, MappingProxyType({})) for method, sharing in methods.items()}
            for path, methods in self._fixed.items()
        }

    def plain_match(self, method: str, path: str) -> Match | None:
        """Return what `match` returns for a path without parameters that is written as its route is, None for anything else."""
        methods = self._plain.get(path)
        return None if methods is None else methods.get(method)

    def methods(self, path: str) -> tuple[Methods, dict[str, str]]:
        """Return the methods of a path and its parameters, empty where the path is unknown."""
        bare = path[:-1] if len(path) > 1 and path.endswith("/") else path
        fixed = self._fixed.get(bare)
        if fixed is not None:
            return fixed, {}
        # As it is first: where a parameter may hold slashes, the last one is a part of it (%2F), and another name.
        for form in dict.fromkeys((path, bare)):
            for pattern, methods in self._patterns:
                match = pattern.match(form)
                if match is not None:
                    return methods, match.groupdict()
        return {}, {}

    def match(self, method: str, path: str) -> Match:
        """Return the route of a request. Raises NotFound or MethodNotAllowed (with Allow)."""
        methods, params = self.methods(path)
        if not methods:
            raise NotFound(f"there is nothing at {path}")
        sharing = methods.get("GET" if method == "HEAD" else method)
        if sharing is None:
            raise MethodNotAllowed(f"{method} is not allowed on {path}", allowed_methods(methods))
        return Match(sharing, params)


def allowed_methods(methods: Methods) -> tuple[str, ...]:
    """Return the methods for the Allow header."""
    extra = {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return tuple(sorted(extra | set(methods)))
