"""Pages of other sites while nobody is authenticated: what a browser can be made to do, on every route, and what is none of it."""

import pytest
from pydantic import ValidationError

from causeline.deploy.access.browsers import Browsers, browsers_for
from causeline.deploy.settings import Settings
from causeline.schemas.web.errors import ForeignPage
from causeline.schemas.web.http import HttpRoute
from tests.access_server import AccessServer, Got, Sent, request_to, serving

ROUTES = AccessServer().apis.routes
GUARDED = [route for route in ROUTES if route.needs != "public"]
EVIL = "https://evil.example"
OURS = "https://ops.example"


def name(route: HttpRoute) -> str:
    return f"{route.method} {route.path} {route.api.label}"


every_route = pytest.mark.parametrize("route", GUARDED, ids=name)


def with_headers(request: Sent, **headers: str) -> Sent:
    return request._replace(headers=request.headers | {name.replace("_", "-"): value for name, value in headers.items()})


@every_route
@pytest.mark.parametrize("headers", [{"origin": EVIL}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}, {"host": "evil.example:8080"}])
async def test_a_page_of_another_site_is_403_in_the_words_of_the_api(route: HttpRoute, headers: dict[str, str]) -> None:
    async with serving(is_auth_required=False) as server:
        reply, is_read = await server.exchange(with_headers(request_to(route), **headers))
        assert reply.status == 403, reply.body
        sharing = [other for other in GUARDED if (other.method, other.path) == (route.method, route.path)]
        assert reply.keys in [Got(*other.api.refuse(ForeignPage("x"))[:3]).keys for other in sharing]
        assert not is_read


@every_route
async def test_with_a_token_no_name_is_asked_for(route: HttpRoute) -> None:
    async with serving() as server:
        for headers in ({"origin": EVIL}, {"sec_fetch_site": "cross-site"}, {"host": "evil.example"}):
            if route.path != "/mcp":  # it looks by itself
                assert (await server.send(with_headers(request_to(route), **headers))).status == 401


@pytest.mark.parametrize("route", [route for route in ROUTES if route.needs == "public" and route.method == "GET"], ids=name)
async def test_probes_and_scrapers_ask_by_any_name(route: HttpRoute) -> None:
    async with serving(is_auth_required=False) as server:
        assert (await server.send(with_headers(request_to(route), host="causeline-0.causeline.svc:8080"))).status == 200


BEHIND = browsers_for(Settings(public_url="https://events.example/causeline", cors_origins=OURS, allowed_hosts="a.internal, b.internal"))
ON_NETWORK = browsers_for(Settings(host="0.0.0.0", auth="off"))


@pytest.mark.parametrize(
    ("rules", "method", "headers"),
    [
        (BEHIND, "POST", {"host": "127.0.0.1:8080"}),
        (BEHIND, "POST", {"host": "10.1.2.3"}),  # no page is found by an address, so none has it for a name
        (BEHIND, "POST", {"host": "[fe80::1]:8080"}),
        (BEHIND, "POST", {"host": "LOCALHOST:8080"}),
        (BEHIND, "POST", {"host": "events.example"}),
        (BEHIND, "POST", {"host": "a.internal:8080"}),
        (BEHIND, "POST", {"host": "B.internal."}),
        (BEHIND, "POST", {"host": "abc12345.live.dexp.ae"}),  # an environment of the DESK Events API v1
        (BEHIND, "POST", {}),  # HTTP/1.0
        (BEHIND, "POST", {"host": "localhost:8080", "origin": "http://localhost:8080", "sec-fetch-site": "same-origin"}),
        (BEHIND, "POST", {"host": "localhost:8080", "origin": "http://127.0.0.1:3000"}),
        (BEHIND, "POST", {"host": "10.1.2.3:8080", "origin": "http://10.1.2.3:8080"}),
        (BEHIND, "POST", {"host": "events.example", "origin": "https://events.example"}),
        (BEHIND, "GET", {"host": "events.example", "origin": OURS, "sec-fetch-site": "cross-site"}),
        (BEHIND, "GET", {"host": "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}),
        (BEHIND, "GET", {"host": "localhost", "sec-fetch-site": "none"}),
        (ON_NETWORK, "POST", {"host": "causeline:8080"}),  # a container's name
        (Browsers(frozenset({"*"})), "POST", {"host": "any.example"}),
    ],
)
def test_what_is_no_page_of_another_site_passes(rules: Browsers, method: str, headers: dict[str, str]) -> None:
    rules.judge(method, headers)


@pytest.mark.parametrize(
    ("rules", "method", "headers"),
    [
        (BEHIND, "GET", {"host": "evil.example"}),
        (BEHIND, "GET", {"host": ""}),
        (BEHIND, "GET", {"host": "localhost.evil.example"}),
        (BEHIND, "GET", {"host": "events.example.evil.example"}),
        (BEHIND, "GET", {"host": "127.0.0.1.evil.example"}),
        (BEHIND, "GET", {"host": "live.dexp.ae.evil.example"}),
        (BEHIND, "GET", {"host": "causeline"}),  # on loopback somebody on the network may give a page such a name
        (BEHIND, "POST", {"host": "evil.example", "origin": "http://evil.example"}),
        (BEHIND, "POST", {"host": "localhost", "origin": "http://6.6.6.6"}),
        (BEHIND, "POST", {"host": "localhost", "origin": "http://localhost.evil.example"}),
        (BEHIND, "POST", {"host": "localhost", "origin": "null"}),
        (BEHIND, "POST", {"host": "localhost", "origin": "file://"}),
        (BEHIND, "POST", {"host": "localhost", "origin": ""}),
        (BEHIND, "POST", {"host": "localhost", "origin": OURS}),  # it may read
        (BEHIND, "POST", {"host": "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}),
        (BEHIND, "GET", {"host": "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}),
        (ON_NETWORK, "GET", {"host": "evil.example"}),
    ],
)
def test_what_may_be_a_page_of_another_site_does_not(rules: Browsers, method: str, headers: dict[str, str]) -> None:
    with pytest.raises(ForeignPage):
        rules.judge(method, headers)


READS = [route for route in GUARDED if route.method == "GET"]


@pytest.mark.parametrize("route", READS, ids=name)
async def test_a_listed_origin_reads_every_read_also_its_refusals(route: HttpRoute) -> None:
    for required in (True, False):
        async with (
            serving(is_auth_required=required, settings=Settings(cors_origins=f"{OURS}, http://localhost:3000")) as server,
            serving(is_auth_required=required) as without,
        ):
            own = (await without.send(request_to(route))).headers.get("Vary")
            reply = await server.send(with_headers(request_to(route), origin=OURS, sec_fetch_site="cross-site"))
            assert reply.status != 403
            assert reply.headers["Access-Control-Allow-Origin"] == OURS
            assert "Retry-After" in reply.headers["Access-Control-Expose-Headers"]
            assert reply.headers["Vary"] == (f"{own}, Origin" if own else "Origin"), "what else an answer depends on is not forgotten"
            request = with_headers(request_to(route), origin=OURS, access_control_request_method="GET")._replace(method="OPTIONS")
            preflight = await server.send(request)
            assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD")
            assert {"Authorization", "Causeline-Tenant", "Last-Event-ID"} == set(
                preflight.headers["Access-Control-Allow-Headers"].split(", ")
            )


@every_route
async def test_nothing_else_is_shown_to_other_origins(route: HttpRoute) -> None:
    async with serving(settings=Settings(cors_origins=OURS)) as with_origins, serving() as without:
        for origin in (EVIL, f"{OURS}:8443", "https://OPS.example", "null", f"{OURS}.evil.example", OURS):
            for method in (route.method, "OPTIONS"):
                request = with_headers(request_to(route), origin=origin, access_control_request_method=route.method)._replace(method=method)
                for server in (with_origins, without):
                    reply = await server.send(request)
                    lets = server is with_origins and origin == OURS and route.method == "GET"
                    assert ("Access-Control-Allow-Origin" in reply.headers) == lets
                    assert "*" not in reply.headers.values()


@pytest.mark.parametrize(
    "value", ["*", "ops.example", "https://ops.example/", "https://ops.example/path", "https://OPS.example", "ftp://a"]
)
def test_an_origin_is_as_browsers_send_it(value: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(cors_origins=value)


@pytest.mark.parametrize("value", ["https://a.example", "a.example:8080", "a/b", "a,*", "*.example"])
def test_an_allowed_host_is_a_name(value: str) -> None:
    with pytest.raises(ValidationError):
        Settings(allowed_hosts=value)
