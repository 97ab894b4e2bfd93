"""Who may call what by the cookie of a session: every route a server is made of, and a page of another site on each of them."""

import pytest

from causeline.deploy.access.sessions import list_sessions
from causeline.schemas.web.errors import Unauthorized
from causeline.schemas.web.http import HttpRequest, HttpRoute
from tests.access_server import FOREIGN, TENANT, AccessServer, request_to, serving, shown

ROUTES = [route for route in AccessServer().apis.routes if route.needs != "public"]
TAKING = [route for route in ROUTES if "session" in route.api.schemes]
REFUSING = [route for route in ROUTES if "session" not in route.api.schemes]
OTHER = {"read": "ingest", "ingest": "read", "admin": "read"}
OWN = {"origin": "http://127.0.0.1"}
FOREIGN_PAGES: tuple[dict[str, str], ...] = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:81"},
    {"sec_fetch_site": "same-site"},
    {},
)


def name(route: HttpRoute) -> str:
    return f"{route.method} {route.path} {route.api.label}"


async def begin(server: AccessServer, *scopes: str, tenant: str = TENANT) -> str:
    """Begin a session with a token of these scopes; return its field `Cookie`."""
    assert server.authenticator is not None
    grant = server.authenticator.grant_of(await server.issue(*scopes, tenant=tenant), server.now)
    begun = await server.desk.begin(grant.token, [grant], server.now)
    return f"causeline_session={begun.cookie}"


def test_pages_and_the_native_api_take_sessions_and_nothing_else_does() -> None:
    assert {route.api.label for route in TAKING} == {"native", "pages"}
    assert {name(route) for route in REFUSING if route.api.label == "native"} >= {"POST /mcp native", "GET /subjects native"}
    assert {route.path for route in TAKING} & {"/mcp", "/subjects"} == set()


async def test_a_session_is_let_in_where_its_scope_suffices() -> None:
    async with serving() as server:
        for scope in ("read", "ingest", "admin"):
            cookie = await begin(server, scope)
            for route in TAKING:
                reply = await server.send(request_to(route, cookie=cookie, **OWN))
                assert (reply.status == 403) == (scope not in ("admin", route.needs)), name(route)
                assert reply.status != 401
                assert reply.status < 500, reply.body


async def test_a_cookie_shows_nobody_to_the_other_apis() -> None:
    async with serving() as server:
        cookie = await begin(server, "admin")
        for route in REFUSING:
            reply, is_read = await server.exchange(request_to(route, cookie=cookie, **OWN))
            assert reply.status == 401, name(route)
            # On a path that two APIs share only the body tells whose words to use; it is short here.
            assert not is_read or sum((one.method, one.path) == (route.method, route.path) for one in ROUTES) > 1


async def test_a_page_of_another_site_changes_nothing_and_is_not_read() -> None:
    async with serving() as server:
        cookie = await begin(server, "admin")
        for route in (route for route in TAKING if route.method != "GET"):
            for headers in FOREIGN_PAGES:
                reply, is_read = await server.exchange(request_to(route, cookie=cookie, **headers))
                assert (reply.status, is_read) == (403, False), name(route)


async def test_a_form_for_everybody_is_of_this_servers_pages_too() -> None:
    for is_auth_required in (True, False):
        async with serving(is_auth_required=is_auth_required) as server:
            for route in (route for route in server.apis.routes if route.needs == "public" and route.method == "POST"):
                for headers in FOREIGN_PAGES:
                    reply, is_read = await server.exchange(request_to(route, **headers))
                    assert (reply.status, is_read) == (403, False), name(route)


async def test_a_header_that_names_another_tenant_is_403() -> None:
    async with serving() as server:
        cookie = await begin(server, "admin", tenant=FOREIGN)
        for route in TAKING:
            reply, is_read = await server.exchange(request_to(route, cookie=cookie, causeline_tenant=TENANT, **OWN))
            assert (reply.status, is_read) == (403, False), name(route)


async def test_who_shows_a_token_is_not_asked_for_a_cookie() -> None:
    async with serving() as server:
        cookie, reader = await begin(server, "admin"), await server.issue("read")
        for route in TAKING:
            for headers in ({"authorization": "Bearer clt_wrong"}, {"authorization": ""}):
                assert (await server.send(request_to(route, cookie=cookie, **headers, **OWN))).status == 401, name(route)
            foreign = {"origin": "https://evil.example"}  # no browser adds a token by itself
            reply = await server.send(request_to(route, cookie="causeline_session=x", **shown(route, reader), **foreign))
            assert (reply.status == 403) == (route.needs != "read"), name(route)
            assert reply.status != 401


@pytest.mark.parametrize(
    "cookie", ["", "causeline_session=", "causeline_session=x", "other=1", f"causeline_session=7:clt_{'A' * 43}:1:t:{'0' * 32}"]
)
async def test_a_cookie_that_is_none_is_401(cookie: str) -> None:
    async with serving() as server:
        for route in TAKING:
            reply, is_read = await server.exchange(request_to(route, cookie=cookie, **OWN))
            assert (reply.status, is_read) == (401, False), name(route)


async def test_a_session_that_ended_is_401_everywhere() -> None:
    async with serving() as server:
        cookie = await begin(server, "admin")
        server.now += server.settings.session_idle
        for route in TAKING:
            assert (await server.send(request_to(route, cookie=cookie, **OWN))).status == 401, name(route)


async def test_a_stream_ends_with_its_session() -> None:
    async with serving() as server:
        cookie = await begin(server, "read")
        request = HttpRequest("GET", "/v1/stream", {}, "", {"host": "127.0.0.1", "cookie": cookie}, b"", TENANT, server.now)
        server.gate.demand(request, "read")
        [(_, session)] = list_sessions(server.config.view, server.now)
        await server.desk.end([session.id], session.owner, server.now)
        with pytest.raises(Unauthorized, match="the session has ended"):
            server.gate.demand(request, "read")


async def test_without_authentication_pages_and_what_they_ask_show_the_chosen_tenant() -> None:
    async with serving(is_auth_required=False) as server:
        route = next(route for route in ROUTES if name(route) == "POST /v1/events native")
        event = request_to(route, cookie="causeline_tenant=shop", **OWN)
        body = b'{"kind": "deployment", "title": "t"}'
        reply = await server.send(event._replace(body=body, headers=event.headers | {"content-length": str(len(body))}))
        assert b'"tenant":"shop"' in reply.body.replace(b" ", b"")
