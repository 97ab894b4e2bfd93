"""Signing in with an OpenID provider: a whole way there and back against a small one, and every answer that must begin no session."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from causeline.deploy.access.oidc import Trip, grants_of, plan_trip, read_endpoints, read_trip
from causeline.deploy.access.sessions import list_sessions
from causeline.deploy.server.signing_in import provider_rules
from causeline.deploy.settings import Settings
from causeline.schemas.web.errors import Unauthorized
from tests.access_server import AccessServer
from tests.browsing import Browser
from tests.desk_samples import NOW
from tests.identity_provider import CLIENT, CLIENT_SECRET, IdentityProvider, providing
from tests.pages import Pages, Seen

CALLBACK = "/session/provider/callback"


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with providing(NOW // 1_000) as one:
        yield one


def browser_at(provider: IdentityProvider, **settings: Any) -> Browser:
    fields = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": CLIENT_SECRET, **settings}
    return Browser(AccessServer(settings=Settings(**fields)))


async def go(browser: Browser, provider: IdentityProvider, address: str = "/session/provider?then=/problems%3Fstate%3Dopen") -> Seen:
    """Go to the provider and come back."""
    away = await browser.visit(address)
    assert away.status == 303, away.text
    return await browser.visit(CALLBACK, provider.visit(away.headers["Location"]))


async def test_whom_the_provider_knows_is_signed_in_and_sees_the_page_that_they_wanted(provider: IdentityProvider) -> None:
    browser = browser_at(provider, oidc_name="Example ID")
    browser.headers["referer"] = "http://127.0.0.1/problems?state=open"
    page = await browser.visit("/session")
    assert page.address("Sign in with Example ID") == "/session/provider?then=/problems%3Fstate%3Dopen"
    assert (await browser.visit("/problems")).address("Sign in with Example ID") == "/session/provider"
    back = await go(browser, provider)
    assert (back.status, back.headers["Refresh"]) == (200, "0; url=/problems?state=open")
    assert back.address("Go on") == "/problems?state=open"
    assert "SameSite=Strict" in back.headers["Set-Cookie"]
    assert (await browser.visit("/problems")).address("shop · ann") == "/session"


async def test_what_a_visitor_may_is_by_claims_and_settings(provider: IdentityProvider) -> None:
    provider.claims |= {"tenant": ["shop", "ci", "no tenant"], "groups": ["sre", "web"]}
    browser = browser_at(provider, oidc_rights="read,sre=ingest,platform=admin")
    await go(browser, provider)
    page = await browser.visit("/session")
    assert "ann in the tenant shop , and may: ingest, read. You see restricted events of sre, web." in page.text
    assert (await browser.press("/session/switch", {"tenant": "ci"})).status == 303
    assert (await browser.press("/session/switch", {"tenant": "no tenant"})).status == 403


@pytest.mark.parametrize("is_basic", [True, False])
async def test_the_secret_is_shown_as_the_provider_wants_it(provider: IdentityProvider, is_basic: bool) -> None:  # noqa: FBT001
    provider.is_basic = is_basic
    assert (await go(browser_at(provider), provider)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": NOW // 1_000},
        {"nbf": NOW // 1_000 + 3_600},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"tenant": "a/b"},
        {"tenant": {"shop": 1}},
        {"tenant": None},
    ],
)
async def test_an_id_token_that_does_not_fit_begins_nothing(provider: IdentityProvider, changes: dict[str, Any]) -> None:
    provider.changes = changes
    browser = browser_at(provider)
    assert (await go(browser, provider)).status == 401
    assert list_sessions(browser.server.config.view, NOW) == []
    assert (await browser.visit("/problems")).status == 401


async def test_an_id_token_of_another_key_begins_nothing(provider: IdentityProvider) -> None:
    provider.sign_with_another_key()
    assert (await go(browser_at(provider), provider)).status == 401


async def test_who_comes_back_without_having_left_is_not_let_in(provider: IdentityProvider) -> None:
    attacker = browser_at(provider)
    victim = Browser(attacker.server)
    away = await attacker.visit("/session/provider")
    query = provider.visit(away.headers["Location"])
    assert "began in another browser" in (await victim.visit(CALLBACK, query)).text
    await victim.visit("/session/provider")
    assert (await victim.visit(CALLBACK, query)).status == 401, "a state of another trip"
    stolen = provider.visit(away.headers["Location"])
    own = provider.visit((await victim.visit("/session/provider")).headers["Location"])
    assert (await victim.visit(CALLBACK, own | {"code": stolen["code"]})).status == 401, "a code without its verifier"


async def test_a_code_is_good_once_and_of_this_provider(provider: IdentityProvider) -> None:
    browser = browser_at(provider)
    query = provider.visit((await browser.visit("/session/provider")).headers["Location"])
    assert (await browser.visit(CALLBACK, query | {"iss": "https://evil.example"})).status == 401
    assert (await browser.visit(CALLBACK, query)).status == 200
    assert (await browser.visit(CALLBACK, query)).status == 401


async def test_what_the_provider_refuses_is_text_on_the_form(provider: IdentityProvider) -> None:
    browser = browser_at(provider)
    query = provider.visit((await browser.visit("/session/provider")).headers["Location"])
    page = await browser.visit(CALLBACK, {"state": query["state"], "error": "<script>x"})
    assert (page.status, "the provider refuses: <script>x" in page.text) == (401, True)
    assert len(page.all("script")) == 1


async def test_a_provider_that_is_away_is_said_and_a_token_still_signs_in(provider: IdentityProvider) -> None:
    provider.is_away = True
    browser = browser_at(provider)
    page = await browser.visit("/session/provider")
    assert (page.status, "sign in with a token" in page.text) == (503, True)
    await browser.sign_in("read")


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/keys"},
        {"authorization_endpoint": None},
    ],
)
async def test_metadata_that_leads_elsewhere_is_not_believed(provider: IdentityProvider, metadata: dict[str, Any]) -> None:
    provider.metadata = metadata
    assert (await browser_at(provider).visit("/session/provider")).status == 503


async def test_the_way_back_is_by_the_address_that_pages_are_known_by(provider: IdentityProvider) -> None:
    for settings, base in (({}, "http://127.0.0.1"), ({"public_url": "https://events.example/"}, "https://events.example")):
        away = await browser_at(provider, **settings).visit("/session/provider")
        assert f"redirect_uri={base.replace(':', '%3A').replace('/', '%2F')}%2Fsession%2Fprovider%2Fcallback&" in away.headers["Location"]
        assert "SameSite=Lax" in away.headers["Set-Cookie"]


async def test_sessions_of_one_person_are_theirs_alone(provider: IdentityProvider) -> None:
    first = browser_at(provider)
    second, other = Browser(first.server), Browser(first.server)
    for browser in (first, second):
        await go(browser, provider)
    provider.claims |= {"sub": "u-2"}
    await go(other, provider)
    await first.press("/session/end", {"session": "all"})
    assert [(await Pages.visit(one, "/problems")).status for one in (first, second, other)] == [401, 401, 200]


RULES = provider_rules(Settings(oidc_issuer="https://id.example", oidc_client_id="c", oidc_tenants="shop,ci", oidc_scope_claim="roles"))


@pytest.mark.parametrize(
    ("claims", "tenants", "scopes"),
    [
        ({}, ["shop", "ci"], ["read"]),  # the provider names none, the settings do
        ({"tenant": "own"}, ["own"], ["read"]),
        ({"tenant": ["own", "own", 7, "b"]}, ["own", "b"], ["read"]),
        ({"roles": "ingest root"}, ["shop", "ci"], ["ingest", "read"]),
        ({"roles": ["admin", None]}, ["shop", "ci"], ["admin", "read"]),
    ],
)
def test_claims_become_tenants_and_scopes(claims: dict[str, Any], tenants: list[str], scopes: list[str]) -> None:
    grants = grants_of(claims, RULES)
    assert [grant.tenant for grant in grants] == tenants
    assert {tuple(grant.scopes) for grant in grants} == {tuple(scopes)}


def test_what_a_provider_says_is_bounded() -> None:
    [first, *rest] = grants_of({"tenant": [f"t{n}" for n in range(50)], "groups": ["g" * 201, *(f"g{n}" for n in range(500))]}, RULES)
    assert (len(rest), len(first.groups), first.groups[0]) == (7, 200, "g0")


def test_who_has_no_right_is_told() -> None:
    with pytest.raises(Unauthorized, match="no tenant here is yours"):
        grants_of({}, RULES._replace(rights=(("sre", "ingest"),)))


def test_a_trip_is_remembered_by_its_cookie_and_leads_back_here() -> None:
    trip = plan_trip(b"x" * 32, "/problems?a=b;c d")
    assert read_trip(trip.cookie) == trip
    assert len({trip.state, trip.nonce, trip.verifier, trip.seed}) == 4
    assert plan_trip(b"x" * 32, f"/{'x' * 500}").then == "/"
    assert read_trip(f"{trip.seed}:https%3A//evil.example/x") == Trip(trip.seed, "/x")
    assert [read_trip(text) for text in ("", "x", f"{trip.seed}x:/")] == [None] * 3
    assert not trip.is_of("é")


def test_endpoints_are_read_as_they_are_said() -> None:
    named = {"issuer": "i", "authorization_endpoint": "https://a/x", "token_endpoint": "https://b", "jwks_uri": "https://c"}
    assert read_endpoints(named, "i") == ("https://a/x", "https://b", "https://c", True)
    assert not read_endpoints(named | {"token_endpoint_auth_methods_supported": ["client_secret_post"]}, "i").is_basic


@pytest.mark.parametrize(
    "fields",
    [
        {"oidc_issuer": "https://id.example"},
        {"oidc_issuer": "http://id.example", "oidc_client_id": "c"},
        {"oidc_rights": "write"},
        {"oidc_rights": "=read"},
        {"oidc_tenants": "a/b"},
    ],
)
def test_settings_of_a_provider_that_cannot_be_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**fields)
