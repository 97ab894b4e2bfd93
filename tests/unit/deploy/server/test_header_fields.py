"""Header fields that decide something are read, or refused by name, in every API, whatever bytes a client sends."""

import html
import re
from pathlib import Path

import pytest

from causeline.ingest import idempotency
from causeline.schemas.web import header_fields
from causeline.schemas.web.errors import InvalidHeader
from causeline.schemas.web.header_fields import MAX_FIELD_VALUE, READ
from causeline.schemas.web.http import HttpRoute
from tests.access_server import AccessServer, Got, Sent, request_to, serving

ROUTES = [route for route in AccessServer().apis.routes if route.needs != "public"]
UNREADABLE = ("münchen".encode(), "münchen".encode("latin-1"), b"\xff", b"a\tb")

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path} {route.api.label}")
MEANT = [name for name, field in READ.items() if not field.is_unasked]
every_field = pytest.mark.parametrize("name", MEANT)


def sent(route: HttpRoute, *raw: tuple[str, bytes], without: tuple[str, ...] = ()) -> Sent:
    """Return a request to the route that has these fields in place of its own of the same names."""
    plain = request_to(route)
    dropped = {name for name, _ in raw} | set(without)
    return plain._replace(raw=(*(field for field in plain.fields if field[0] not in dropped), *raw))


def refused(reply: Got, route: HttpRoute, name: str, wrong: str) -> None:
    """Expect a 400 that names the field, in the words of the route's API, or of the one that shares its path."""
    sharing = [other for other in ROUTES if (other.method, other.path) == (route.method, route.path)]
    assert reply.status == 400, reply.body
    assert reply.keys in [Got(*one.api.refuse(InvalidHeader("x", "y"))[:3]).keys for one in sharing]
    assert f"the header {READ[name].name} {wrong}" in html.unescape(reply.body.decode())


@every_route
async def test_a_value_that_cannot_be_read_is_refused(route: HttpRoute) -> None:
    async with serving(is_auth_required=False) as server:
        for name in MEANT:
            for value in UNREADABLE:
                refused(await server.send(sent(route, (name, value))), route, name, "holds a character that is not visible ASCII")


@every_route
async def test_what_decides_something_is_given_once(route: HttpRoute) -> None:
    async with serving(is_auth_required=False) as server:
        for name in (name for name in MEANT if not READ[name].is_list):
            for second in (b"127.0.0.1", b"other"):
                refused(await server.send(sent(route, (name, b"127.0.0.1"), (name, second))), route, name, "is given more than once")


@every_route
async def test_a_request_in_http_1_1_names_its_host_once(route: HttpRoute) -> None:
    async with serving(is_auth_required=False) as server:
        refused(await server.send(sent(route, without=("host",))), route, "host", "is missing")


@every_route
async def test_an_empty_tenant_or_key_is_not_taken_for_none(route: HttpRoute) -> None:
    async with serving(is_auth_required=False) as server:
        for name in ("causeline-tenant", "idempotency-key"):
            refused(await server.send(sent(route, (name, b""))), route, name, "is empty")


@every_field
def test_a_value_is_bounded(name: str) -> None:
    assert header_fields.read_header_fields([(name, "x" * MAX_FIELD_VALUE)], [name])[name] == "x" * MAX_FIELD_VALUE
    with pytest.raises(InvalidHeader, match=READ[name].name):
        header_fields.read_header_fields([(name, "x" * (MAX_FIELD_VALUE + 1))], [name])


def test_what_nobody_reads_may_be_anything_and_reaches_nobody() -> None:
    pairs = [("user-agent", "a"), ("user-agent", "b"), ("x-é", "x"), ("causeline-tenant", "shop")]
    assert header_fields.read_header_fields(pairs, {"user-agent", "x-é", "cookie", "causeline-tenant"}) == {"causeline-tenant": "shop"}


def test_lines_of_a_list_are_one_list() -> None:
    assert header_fields.read_header_fields([("accept", "a"), ("accept", "b")], ["accept"]) == {"accept": "a, b"}


def test_what_a_browser_adds_by_itself_is_left_out_where_it_cannot_be_read() -> None:
    for name in ("cookie", "referer"):
        assert header_fields.read_header_fields([], [name]) == {}
        for value in ("x" * (MAX_FIELD_VALUE + 1), "a\tb", "é"):
            assert header_fields.read_header_fields([(name, value), ("host", "h")], [name, "host"]) == {"host": "h"}
    assert header_fields.read_header_fields([("cookie", "a=b"), ("cookie", "c=d")], ["cookie"]) == {"cookie": "a=b; c=d"}
    assert header_fields.read_header_fields([("referer", "a"), ("referer", "b")], ["referer"]) == {"referer": "a"}


def test_no_field_is_read_that_is_not_listed() -> None:
    root = Path(header_fields.__file__).parents[4]
    sources = [path for slice_ in ("schemas", "ingest", "query_api", "deploy") for path in (root / slice_).rglob("*.py")]
    reads = re.compile(r'(?<!self\.)\bheaders(?:\.get\(|\[)"([a-z-]+)"')
    names = {name for path in sources for name in reads.findall(path.read_text())}
    assert {"authorization", "host", "last-event-id", "content-type"} <= names
    assert names <= set(READ)
    assert idempotency._HEADER in READ
