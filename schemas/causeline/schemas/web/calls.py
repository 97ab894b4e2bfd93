"""A call of one of this server's own routes from within: by a tool of a language model, or by a page that shows what the API answers.

What asks in this way gets the same validation, tenants, groups, bounds and messages as any client, and knows nothing of who answers.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest


class ApiCall(NamedTuple):
    """One call of the HTTP API: the method and path of a route, its path parameters, query string and body."""

    method: str
    path: str
    params: Mapping[str, str] = {}
    query: str = ""
    body: bytes = b""


AskApi = Callable[[HttpRequest, ApiCall], Awaitable[Answer]]
"""Makes a call as the caller of an admitted request. Raises Forbidden where the caller lacks the route's scope, and as the route does."""
