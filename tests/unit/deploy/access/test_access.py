"""Who may call what: every route a server is made of, by every kind of credentials. A new route is tried without being named."""

import base64
from collections import Counter

import jwt
import pytest

from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.web.errors import Forbidden, Unauthorized
from causeline.schemas.web.http import HttpRoute
from tests.access_server import FOREIGN, JWT_SECRET, TENANT, AccessServer, Got, request_to, serving, shown

ROUTES = [route for route in AccessServer().apis.routes if route.needs != "public"]
PUBLIC = [route for route in AccessServer().apis.routes if route.needs == "public" and route.method == "GET"]
FORMS = [route for route in AccessServer().apis.routes if route.needs == "public" and route.method != "GET"]
OTHER = {"read": "ingest", "ingest": "read", "admin": "read"}


def name(route: HttpRoute) -> str:
    return f"{route.method} {route.path} {route.api.label}"


every_route = pytest.mark.parametrize("route", ROUTES, ids=name)


def envelope(route: HttpRoute, error: Unauthorized | Forbidden) -> set[str]:
    return Got(*route.api.refuse(error)[:3]).keys


async def refused(server: AccessServer, route: HttpRoute, status: int, **headers: str) -> None:
    reply, is_read = await server.exchange(request_to(route, **headers))
    assert reply.status == status, reply.body
    # On a path that two APIs share only the body tells whose words to use; it is short here.
    shared = sum((other.method, other.path) == (route.method, route.path) for other in ROUTES) > 1
    assert not is_read or (shared and route.media), "the body of a caller who is refused is not read"
    assert reply.keys == envelope(route, Forbidden("x"))
    assert ("WWW-Authenticate" in reply.headers) == (status == 401)


def test_the_table_knows_every_dialect() -> None:
    assert set(Counter(route.api.label for route in ROUTES)) == {"native", "tracker", "desk", "cto_ai", "escapekit", "apitraffic", "pages"}


@pytest.mark.parametrize("route", PUBLIC, ids=name)
async def test_the_operators_routes_need_no_credentials(route: HttpRoute) -> None:
    async with serving() as server:
        assert (await server.send(request_to(route))).status == 200


def test_nothing_else_is_public() -> None:
    assert {route.path for route in PUBLIC} == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/asyncapi.json",
        "/docs",
        "/docs/{operation}",
        "/assets/{asset}",
        "/session",
    }
    assert {route.path for route in FORMS} == {"/session", "/session/switch", "/session/add", "/session/end"}


@every_route
async def test_no_credentials_are_401(route: HttpRoute) -> None:
    async with serving() as server:
        await refused(server, route, 401)


@every_route
async def test_bad_credentials_are_401(route: HttpRoute) -> None:
    async with serving() as server:
        for header in ("", "Basic dXNlcjpwYXNz", *shown(route, "clt_unknown").values(), *shown(route, "eyJhbGciOiJub25lIn0.e30.").values()):
            await refused(server, route, 401, authorization=header)


@every_route
async def test_an_expired_token_is_401(route: HttpRoute) -> None:
    async with serving() as server:
        token = await server.issue("ingest", "read", "admin", expires=server.now)
        await refused(server, route, 401, **shown(route, token))


@every_route
async def test_a_token_of_another_tenant_is_403_where_the_tenant_is_named(route: HttpRoute) -> None:
    async with serving() as server:
        token = await server.issue("ingest", "read", "admin", tenant=FOREIGN)
        await refused(server, route, 403, **shown(route, token), causeline_tenant=TENANT)
        if "{env}" in route.path or "{accountSid}" in route.path:
            await refused(server, route, 403, **shown(route, token))
            await refused(server, route, 403, **shown(route, token), causeline_tenant=FOREIGN)


@every_route
async def test_a_token_without_the_scope_is_403(route: HttpRoute) -> None:
    async with serving() as server:
        token = await server.issue(OTHER[route.needs])
        await refused(server, route, 403, **shown(route, token))


@every_route
async def test_the_right_token_is_let_in(route: HttpRoute) -> None:
    async with serving() as server:
        claims = {"tenant": TENANT, "scope": route.needs, "exp": server.now // 1000 + 60}
        for token in (await server.issue(route.needs), await server.issue("admin"), jwt.encode(claims, JWT_SECRET, "HS256")):
            reply = await server.send(request_to(route, **shown(route, token)))
            assert reply.status not in {401, 403}
            assert reply.status < 500, reply.body


@pytest.mark.parametrize("route", [route for route in ROUTES if route.api.label == "desk"], ids=name)
async def test_desk_takes_api_tokens_and_no_bearer(route: HttpRoute) -> None:
    async with serving() as server:
        token = await server.issue("ingest", "read")
        request = request_to(route, authorization=f"Bearer {token}")
        assert (await server.send(request)).status == 401
        by_parameter = request_to(route)._replace(query=f"Api-Token={token}")
        assert (await server.send(by_parameter)).status not in {401, 403}


@pytest.mark.parametrize("size", [16 << 10, (16 << 10) + 1])
async def test_on_a_shared_path_a_large_body_of_a_stranger_is_not_read_and_desk_says_so(size: int) -> None:
    async with serving() as server:
        route = next(route for route in ROUTES if name(route) == "POST /api/v1/events cto_ai")
        plain = request_to(route, authorization="Bearer wrong")
        body = plain.body.ljust(size)
        reply, is_read = await server.exchange(plain._replace(body=body, headers=plain.headers | {"content-length": str(size)}))
        assert (reply.status, is_read) == (401, size <= 16 << 10)
        assert ("error" in reply.keys) != is_read
        assert reply.headers["WWW-Authenticate"] == ("Bearer" if is_read else "Api-Token")


async def test_an_environment_in_the_host_name_is_one_too() -> None:
    async with serving() as server:
        token = await server.issue("read")
        route = next(route for route in ROUTES if name(route) == "GET /api/v1/events desk")
        for host, status in ((f"{TENANT.lower()}.live.dexp.ae", 403), ("127.0.0.1:8080", 200)):
            request = request_to(route, **shown(route, token))
            request.headers["host"] = host
            assert (await server.send(request)).status == status


async def test_a_missing_path_or_method_is_told_before_credentials_are_asked_for() -> None:
    async with serving() as server:
        request = request_to(ROUTES[0])
        assert (await server.send(request._replace(path="/v1/nothing"))).status == 404
        assert (await server.send(request._replace(method="PATCH"))).status == 405


async def test_with_auth_off_everybody_may_do_everything() -> None:
    async with serving(is_auth_required=False) as server:
        for route in ROUTES:
            assert (await server.send(request_to(route))).status not in {401, 403}


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@every_route
async def test_only_the_schema_registry_takes_a_token_as_basic_password(route: HttpRoute) -> None:
    async with serving() as server:
        token = await server.issue("read", "ingest")
        for user in ("", "anybody", "ü"):
            reply = await server.send(request_to(route, authorization=basic(user, token)))
            assert (reply.status == 401) == (route.api is not REGISTRY)


async def test_basic_credentials_that_are_none_are_401() -> None:
    async with serving() as server:
        token = await server.issue("read")
        route = next(route for route in ROUTES if route.path == "/subjects")
        for header in (basic(token, ""), basic("user", f"{token}x"), "Basic", "Basic !!!!", f"Basic {token}", "Basic dG9rZW4="):
            await refused(server, route, 401, authorization=header)
