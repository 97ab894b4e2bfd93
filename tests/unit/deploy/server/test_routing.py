import pytest

from causeline.deploy.server.routing import ApiPaths, RouteTable
from causeline.ingest.services.http import SERVICE_PATH
from causeline.schemas.catalog.registry_api import REGISTRY
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer, MethodNotAllowed, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute


async def handler(_: HttpRequest) -> Answer:
    return Answer(200, {}, b"")


def route(method: str, path: str) -> HttpRoute:
    return HttpRoute(method, path, NATIVE, handler)


TABLE = RouteTable([route("GET", "/v1/events"), route("POST", "/v1/events"), route("GET", "/v1/events/{id}"), route("GET", "/healthz")])


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/v1/events", {}),
        ("POST", "/v1/events", {}),
        ("POST", "/v1/events/", {}),
        ("HEAD", "/v1/events", {}),
        ("GET", "/v1/events/a-1", {"id": "a-1"}),
        ("GET", "/v1/events/a-1/", {"id": "a-1"}),
    ],
)
def test_a_path_finds_its_route_with_or_without_a_trailing_slash(method: str, path: str, params: dict[str, str]) -> None:
    match = TABLE.match(method, path)
    assert match.params == params
    assert match.route.method == ("GET" if method == "HEAD" else method)


def test_a_last_slash_belongs_to_a_parameter_that_may_hold_slashes() -> None:
    table = RouteTable([route("PUT", SERVICE_PATH), route("GET", "/v1/events/{id}")])
    assert table.match("PUT", "/v1/services/a/").params == {"name": "a/"}, "which is another name than a"
    assert table.match("GET", "/v1/events/a/").params == {"id": "a"}


@pytest.mark.parametrize(
    "path", ["/v1/events", "/v1/events/", "/v1/events/a-1", "/healthz", "/healthz/", "/", "", "/V1/events", "/nothing"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", ""])
def test_a_plain_match_is_what_any_match_is_or_none(method: str, path: str) -> None:
    plain = TABLE.plain_match(method, path)
    assert (plain is not None) == ((method, path) in {("GET", "/v1/events"), ("POST", "/v1/events"), ("GET", "/healthz")})
    if plain is not None:
        assert plain == TABLE.match(method, path)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/events/a/b", "/V1/events", "//v1/events"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        TABLE.match("GET", path)


def test_a_known_path_with_another_method_says_which_are_allowed() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        TABLE.match("DELETE", "/v1/events")
    assert caught.value.headers == {"Allow": "GET, HEAD, OPTIONS, POST"}


def test_two_slices_may_not_claim_one_method_of_a_path() -> None:
    with pytest.raises(ValueError, match="two routes for GET /a"):
        RouteTable([route("GET", "/a"), route("GET", "/a")])


@pytest.mark.parametrize(
    ("path", "envelope"),
    [
        ("/api/v1alpha1/nothing", "tracker"),
        ("/api/v1/events/x", "desk"),
        ("/e/env/api/v1/nothing", "desk"),
        ("/subjects/nothing/at/all", "registry"),
        ("/schemas/nothing", "registry"),
        ("/api/v1/events/subscriptions/x", "escapekit"),
        ("/v1/nothing", "native"),
        ("/", "native"),
    ],
)
def test_an_unknown_path_is_refused_in_the_words_of_its_neighbours(path: str, envelope: str) -> None:
    assert ApiPaths([*DIALECTS, REGISTRY]).api_of(path).name == envelope
