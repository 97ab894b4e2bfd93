"""`/session`: signing in by a form, what the page shows of a session, switching tenants, and every way that it ends."""

import jwt
import pytest

from causeline.deploy.access.attempts import MOST_FAILURES
from causeline.deploy.settings import Settings
from tests.access_server import FOREIGN, JWT_SECRET, TENANT, AccessServer, Sent
from tests.browsing import Browser
from tests.pages import Pages

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"


@pytest.fixture
def browser() -> Browser:
    return Browser(AccessServer())


async def test_a_token_typed_once_opens_the_pages(browser: Browser) -> None:
    page = await browser.visit("/problems")
    assert (page.status, page.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert [field["name"] for field in page.all("input")] == ["token"]
    secret = await browser.server.issue("read", name="ann")
    browser.headers["referer"] = "http://127.0.0.1/problems?state=open"
    answer = await browser.press("/session", {"token": f" {secret} "})
    assert (answer.status, answer.headers["Location"]) == (303, "/problems?state=open")
    assert answer.headers["Set-Cookie"].endswith("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict")
    assert secret not in answer.headers["Set-Cookie"]
    page = await browser.visit("/problems")
    assert page.status == 200
    assert page.address(f"{TENANT} · ann") == "/session"


async def test_a_wrong_token_is_said_at_the_form_which_remembers_the_way(browser: Browser) -> None:
    browser.headers["referer"] = "http://127.0.0.1/problems"
    page = await browser.press("/session", {"token": "clt_wrong"})
    assert page.status == 401
    assert "the token is not valid" in page.text
    assert "clt_wrong" not in page.html
    browser.headers["referer"] = "http://127.0.0.1/session"
    hidden = {str(field["name"]): str(field.get("value")) for field in page.all("input") if field["type"] == "hidden"}
    answer = await browser.press("/session", {"token": await browser.server.issue("read"), **hidden})
    assert answer.headers["Location"] == "/problems"


async def test_a_form_cannot_send_a_visitor_elsewhere(browser: Browser) -> None:
    for then in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        answer = await browser.press("/session", {"token": await browser.server.issue("read"), "then": then})
        assert answer.headers["Location"] == "/"


async def test_an_address_that_fails_too_often_waits_also_with_the_right_token(browser: Browser) -> None:
    for _ in range(MOST_FAILURES):
        assert (await browser.press("/session", {"token": "clt_wrong"})).status == 401
    page = await browser.press("/session", {"token": await browser.server.issue("read")})
    assert page.status == 429
    assert int(page.headers["Retry-After"]) >= 300
    browser.server.now += 300_000
    await browser.sign_in("read")


async def test_the_page_says_who_one_is_and_what_one_may(browser: Browser) -> None:
    await browser.sign_in("read", name=HOSTILE, groups=("sre", HOSTILE))
    page = await browser.visit("/session")
    assert f"You are {' '.join(HOSTILE.split())} in the tenant {TENANT} , and may: read." in page.text
    assert f"You see restricted events of {HOSTILE}, sre" in page.text
    assert "(this one)" in page.text
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
    anonymous = await Pages(browser.server).visit("/session")
    assert (anonymous.status, [field["name"] for field in anonymous.all("input")]) == (200, ["then", "token"])
    assert "default" not in anonymous.text


async def test_a_visitor_of_several_tenants_switches_between_them(browser: Browser) -> None:
    await browser.sign_in("read")
    page = await browser.press("/session/add", {"token": "clt_wrong"})
    assert (page.status, "the token is not valid" in page.text) == (422, True)
    before = dict(browser.cookies)
    added = await browser.press("/session/add", {"token": await browser.server.issue("admin", tenant=FOREIGN)})
    assert added.headers["Location"] == "/session"
    page = await browser.visit("/session")
    assert f"in the tenant {FOREIGN} , and may: admin." in page.text
    assert [button.get("aria-label") for button in page.all("button")][1] == f"Switch to {TENANT}"
    assert (await browser.press("/session/switch", {"tenant": TENANT})).status == 303
    assert TENANT in (await browser.visit("/problems")).text
    assert (await browser.press("/session/switch", {"tenant": "third"})).status == 403
    browser.headers["cookie"] = f"causeline_session={before['causeline_session']}"
    assert (await Pages.visit(browser, "/problems")).status == 401, "who may more has another cookie"


async def test_a_session_has_at_most_eight_tenants(browser: Browser) -> None:
    await browser.sign_in("read", tenant="t0")
    for number in range(1, 8):
        assert (await browser.press("/session/add", {"token": await browser.server.issue("read", tenant=f"t{number}")})).status == 303
    page = await browser.press("/session/add", {"token": await browser.server.issue("read", tenant="t8")})
    assert (page.status, "at most 8 tenants" in page.text) == (422, True)
    assert (await browser.press("/session/add", {"token": await browser.server.issue("ingest", tenant="t3")})).status == 303


async def test_signing_out_ends_the_session_and_not_only_the_cookie(browser: Browser) -> None:
    await browser.sign_in("read")
    cookie = browser.headers["cookie"]
    answer = await browser.press("/session/end")
    assert (answer.headers["Location"], browser.cookies) == ("/session", {})
    browser.headers["cookie"] = cookie
    assert (await Pages.visit(browser, "/problems")).status == 401


async def test_one_ends_sessions_of_ones_own_and_no_others(browser: Browser) -> None:
    secret, other = await browser.sign_in("read"), Browser(browser.server)
    await other.sign_in("admin")
    second = Browser(browser.server)
    await second.press("/session", {"token": secret})
    page = await browser.visit("/session")
    ids = [field["value"] for field in page.all("input") if field["name"] == "session"]
    assert (len(ids), ids[-1]) == (3, "all")
    foreign_id = next(field["value"] for field in (await other.visit("/session")).all("input") if field["name"] == "session")
    assert (await browser.press("/session/end", {"session": str(foreign_id)})).headers["Location"] == "/session"
    assert (await other.visit("/problems")).status == 200
    assert (await browser.press("/session/end", {"session": "all"})).status == 303
    assert [(await one.visit("/problems")).status for one in (browser, second, other)] == [401, 401, 200]


async def test_a_jwt_begins_a_session_that_ends_with_it(browser: Browser) -> None:
    now = browser.server.now
    token = jwt.encode({"tenant": "shop", "scope": "read", "sub": "bob", "exp": now // 1_000 + 60}, JWT_SECRET, "HS256")
    assert (await browser.press("/session", {"token": token})).status == 303
    assert "shop · bob" in (await browser.visit("/problems")).text
    browser.server.now += 60_000
    assert (await browser.visit("/problems")).status == 401


@pytest.mark.parametrize("claims", [{"sub": "\ud800"}, {"groups": ["\ud800"]}])
async def test_halves_of_characters_in_a_jwt_break_nothing(browser: Browser, claims: dict[str, object]) -> None:
    now = browser.server.now
    token = jwt.encode({"tenant": "shop", "scope": "read", "exp": now // 1_000 + 60, **claims}, JWT_SECRET, "HS256")
    assert (await browser.press("/session", {"token": token})).status in {303, 401}
    assert (await browser.visit("/session")).status == 200


async def test_where_a_browser_would_drop_the_cookie_that_is_said(browser: Browser) -> None:
    plain = {"origin": "http://events.example", "content-type": "application/x-www-form-urlencoded", "host": "events.example"}
    body = f"token={await browser.server.issue('read')}".encode()
    answer = await browser.server.send(Sent("POST", "/session", "", body, plain | {"content-length": str(len(body))}))
    assert (answer.status, b"over https only" in answer.body) == (422, True)
    answer = await browser.server.send(
        Sent("POST", "/session", "", body, plain | {"origin": "https://events.example", "content-length": str(len(body))})
    )
    assert answer.headers["Set-Cookie"].startswith("__Host-causeline_session=")
    assert answer.headers["Set-Cookie"].endswith("; Secure")


async def test_a_visit_makes_a_session_last_once_a_minute_and_the_api_does_not(browser: Browser) -> None:
    await browser.sign_in("read")
    assert "Set-Cookie" not in (await browser.visit("/problems")).headers
    browser.server.now += 60_000
    api = await Pages.visit(browser, "/v1/problems")
    assert "Set-Cookie" not in api.headers
    assert "Set-Cookie" in (await browser.visit("/problems")).headers
    for _ in range(3):
        browser.server.now += browser.server.settings.session_idle - 1_000
        assert (await browser.visit("/problems")).status == 200
    browser.server.now += browser.server.settings.session_idle
    assert (await browser.visit("/problems")).status == 401


async def test_a_tenants_sessions_are_bounded_and_the_oldest_makes_room() -> None:
    server = AccessServer(settings=Settings(max_sessions=2))
    browsers = [Browser(server) for _ in range(3)]
    for browser in browsers:
        await browser.sign_in("read")
        server.now += 1
    assert [(await browser.visit("/problems")).status for browser in browsers] == [401, 200, 200]


async def test_signing_in_again_leaves_no_session_behind(browser: Browser) -> None:
    for _ in range(3):
        await browser.sign_in("read")
    assert len(browser.server.config.view.all("sessions")) == 1


async def test_a_link_from_elsewhere_asks_again_once_as_a_page_of_ours(browser: Browser) -> None:
    await browser.sign_in("read")
    strict = browser.headers.pop("cookie")
    browser.headers["sec-fetch-site"] = "cross-site"
    arrival = await Pages.visit(browser, "/problems")
    assert (arrival.status, arrival.headers["Refresh"]) == (401, "0")
    assert "SameSite=Lax" in arrival.headers["Set-Cookie"]
    browser.headers["cookie"] = arrival.headers["Set-Cookie"].partition(";")[0]
    assert "Refresh" not in (await Pages.visit(browser, "/problems")).headers, "a browser that sees it otherwise is not sent in circles"
    browser.headers |= {"sec-fetch-site": "same-origin", "cookie": strict}
    assert (await Pages.visit(browser, "/problems")).status == 200


async def test_who_may_not_write_is_told_on_a_page(browser: Browser) -> None:
    await browser.sign_in("ingest")
    page = await browser.visit("/problems")
    assert (page.status, "lacks the scope read" in page.text) == (403, True)


async def test_where_nobody_signs_in_a_visitor_chooses_a_tenant() -> None:
    browser = Browser(AccessServer(is_auth_required=False))
    await browser.post(kind="incident", status="open", title="Of the default tenant")
    page = await browser.visit("/session")
    assert [field["name"] for field in page.all("input")] == ["tenant"]
    assert (await browser.press("/session", {"token": "x"})).headers["Location"] == "/session"
    wrong = await browser.press("/session/switch", {"tenant": HOSTILE})
    assert wrong.status == 422
    assert HOSTILE in [field["value"] for field in wrong.all("input")]
    assert (await browser.press("/session/switch", {"tenant": "shop"})).headers["Location"] == "/"
    page = await browser.visit("/problems")
    assert page.address("shop") == "/session"
    assert "Of the default tenant" not in page.text
    await browser.press("/session/switch", {"tenant": ""})
    assert "Of the default tenant" in (await browser.visit("/problems")).text
