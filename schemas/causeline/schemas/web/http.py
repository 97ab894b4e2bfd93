"""The seam between the HTTP shell and the slices: a request as a value, an answer as a value, a route as a record.

The shell (`causeline.deploy.server.http.shell`) routes, bounds and inflates bodies, checks media types, finds the tenant, measures, and
turns a RequestError into what the route's API says. A handler therefore sees a complete request and returns a complete answer; it neither
knows a framework nor reads a clock.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import Answer, FieldError, Invalid, strangers

MAX_BODY: Final = 1 << 20
"""One MiB exactly is accepted, one byte more is 413."""

MAX_PARAMETERS: Final = 2_000
"""Of a query string: the largest that is meant has eleven filters of a hundred values each."""

JSON_MEDIA: Final = ("application/json",)

NO_LETTER: Final = "\ufffd"
"""What stands in a path for bytes that are no UTF-8."""

_replace: Final = msgspec.structs.replace


class HttpRequest(msgspec.Struct, frozen=True):
    """One request: header names in lower case, body inflated, `received_at` ms UTC (the only clock reading of the request).

    `tenant` and `groups` are whose events the caller may see; `groups` None sees every group.
    `caller` is the name of who is asking, '' where it has none. `client` is the address that the connection comes from.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    tenant: str
    received_at: int
    content_type: str = ""
    groups: tuple[str, ...] | None = None
    caller: str = ""
    client: str = ""

    def seen_by(self, tenant: str, groups: tuple[str, ...] | None, caller: str = "") -> "HttpRequest":
        """Return the request as this tenant's, made by a caller of these groups and this name."""
        return _replace(self, tenant=tenant, groups=groups, caller=caller)

    def with_body(self, body: bytes, content_type: str) -> "HttpRequest":
        """Return the request with its body and the media type of it."""
        return _replace(self, body=body, content_type=content_type)

    @property
    def is_of_admin(self) -> bool:
        """Whether the caller may do everything: an admin, who alone sees every group, or anybody while nobody is authenticated."""
        return self.groups is None

    def query(self) -> list[tuple[str, str]]:
        """Return the query parameters in order, repeats and blanks included, percent-decoded. Raises Invalid: not UTF-8, or too many."""
        if not self.query_string:
            return []
        if self.query_string.count("&") >= MAX_PARAMETERS:
            raise Invalid(f"a query has at most {MAX_PARAMETERS} parameters", where="QUERY")
        try:
            return parse_qsl(self.query_string, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError as error:
            name = _undecodable(self.query_string)
            message = "is not percent-encoded UTF-8"
            raise Invalid(f"{name}: {message}", (FieldError(name, message),), where="QUERY") from error


def _undecodable(query: str) -> str:
    """Return the name of the first parameter whose name or value is no UTF-8."""
    for part in query.split("&"):
        try:
            unquote_plus(part, errors="strict")
        except UnicodeDecodeError:
            return unquote_plus(part.partition("=")[0])
    return ""


Handler = Callable[[HttpRequest], Awaitable[Answer]]


def without_query(handler: Handler) -> Handler:
    """Return a handler that takes no query parameters: it refuses a request that has any, by their names."""

    async def handle(request: HttpRequest) -> Answer:
        if request.query_string and (pairs := request.query()):
            raise Invalid.naming(strangers((name for name, _ in pairs), (), "is not a parameter of this call"), where="QUERY")
        return await handler(request)

    return handle


def demand_text(params: Mapping[str, str]) -> None:
    """Raise Invalid where a parameter of a path was not percent-encoded UTF-8.

    The server puts U+FFFD where bytes are none, so that other bytes would mean the same name: a name that holds one cannot be told from
    such, and is nobody's.
    """
    errors = [FieldError(name, "is not percent-encoded UTF-8, or holds U+FFFD") for name, text in params.items() if NO_LETTER in text]
    if errors:
        raise Invalid.naming(errors, where="PATH")


Scope = Literal["ingest", "read", "admin", "public"]
Log = Literal["events", "configuration"]
Accepts = Callable[[HttpRequest], bool]


class HttpRoute(NamedTuple):
    """One method on one path (`/api/v1alpha1/event/{id}`; `{name:path}` spans slashes).

    `media` lists the accepted content types of the body (a missing Content-Type is the first of them), empty where no body is read.
    A trailing slash is accepted on every path. Two APIs may share a method and a path: the first route whose `accepts` says yes (or
    that has none) serves the request, so the one without `accepts` comes last. `scope` `public` needs no credentials.
    `log` is what a write goes to: what is under way on one log says nothing of the other.
    """

    method: str
    path: str
    api: Api
    handler: Handler
    media: tuple[str, ...] = ()
    max_body: int = MAX_BODY
    scope: Scope | None = None
    accepts: Accepts | None = None
    log: Log = "events"

    @property
    def needs(self) -> Scope:
        """Return the scope that a caller must have: as said, else `ingest` to write and `read` to read."""
        return self.scope or ("read" if self.method == "GET" else "ingest")


def json_answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a JSON answer (`application/json; charset=utf-8`)."""
    return Answer(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, msgspec.json.encode(body))


Demand = Callable[[HttpRequest, Scope], None]
"""Raises Unauthorized or Forbidden where the caller of a request lacks a scope."""
