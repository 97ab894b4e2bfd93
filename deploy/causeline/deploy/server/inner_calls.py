"""Calls of this server's own routes by what it serves itself: the tools of MCP and the pages of the UI."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from causeline.schemas.web.calls import ApiCall
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import Demand, HttpRequest, HttpRoute

_PARAMETER: Final = re.compile(r"\{(\w+)(?::path)?\}")


class InnerCalls:
    """Asks routes in this process. `demand` checks the scope that each needs: a page that may be read may hold a form that writes."""

    def __init__(self, routes: Iterable[HttpRoute], demand: Demand) -> None:
        self._routes = {(route.method, route.path): route for route in routes}
        self._demand = demand

    async def ask(self, caller: HttpRequest, call: ApiCall) -> Answer:
        """Return a route's answer to a call by the caller of an admitted request. Raises Forbidden, and as the route does."""
        route = self._routes[call.method, call.path]
        self._demand(caller, route.needs)
        return await route.handler(
            msgspec.structs.replace(
                caller,
                method=call.method,
                path=_PARAMETER.sub(lambda name: call.params[name[1]], call.path),
                params=call.params,
                query_string=call.query,
                body=call.body,
                content_type=route.media[0] if route.media else "",
            )
        )
