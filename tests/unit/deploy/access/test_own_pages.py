"""What a browser sends by itself is no leave to change something: whose page a request is of, where visitors are sent on, who may try."""

import pytest

from causeline.deploy.access.attempts import MAX_ADDRESSES, MOST_FAILURES, WINDOW_MS, Attempts
from causeline.deploy.access.cookies import SESSION_COOKIE, read_cookie, set_cookie
from causeline.deploy.access.own_pages import demand_own_page, local_path, path_of_referer
from causeline.schemas.web.errors import ForeignPage, TooManyAttempts

PUBLIC = "events.example"
HOST = {"host": "localhost:8080"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:8080"},
        {"origin": "https://LOCALHOST:8080"},
        {"origin": "https://events.example"},  # a proxy asks us by another name
        {"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_page_of_ours_may_change_something(headers: dict[str, str]) -> None:
    demand_own_page("POST", HOST | headers, PUBLIC)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8081"},  # the same site, and not ours
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8080.evil.example"},
        {"origin": "http://events.example.evil.example"},
        {"origin": "file://localhost:8080"},
        {"origin": "http://"},
        {"origin": "http://[::1"},
        {"origin": "http://localhost:8080", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_another_page_may_not(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(ForeignPage):
        demand_own_page(method, HOST | headers, PUBLIC)


def test_without_a_public_name_an_empty_one_is_not_ours() -> None:
    with pytest.raises(ForeignPage):
        demand_own_page("POST", {"host": "", "origin": "http://"}, "")


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/problems", "/problems"),
        ("/problems?state=open&service=a%20b", "/problems?state=open&service=a%20b"),
        ("http://localhost:8080/timeline?x=1#y", "/timeline?x=1"),
        ("https://evil.example/problems", "/problems"),
        ("//evil.example", "/"),
        ("http://h//evil.example/x", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("problems", "/"),
        ("", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/münchen", "/"),
        ("http://[::1", "/"),
        ("/session", "/"),
        ("/session/end", "/"),
    ],
)
def test_a_visitor_is_sent_on_within_this_server(address: str, path: str) -> None:
    assert local_path(address) == path


def test_a_visitor_goes_back_where_they_came_from_where_that_is_here() -> None:
    assert path_of_referer(HOST | {"referer": "http://localhost:8080/problems?state=open"}) == "/problems?state=open"
    assert path_of_referer(HOST | {"referer": "http://localhost:8081/problems"}) == "/"
    assert path_of_referer(HOST) == "/"


def test_a_cookie_is_of_this_host_alone_and_of_no_script() -> None:
    assert set_cookie(HOST, SESSION_COOKIE, "v", life_s=5) == "causeline_session=v; Path=/; Max-Age=5; HttpOnly; SameSite=Strict"
    secure = "__Host-causeline_session=v; Path=/; Max-Age=5; HttpOnly; SameSite=Strict; Secure"
    assert set_cookie({"host": PUBLIC}, SESSION_COOKIE, "v", life_s=5) == secure
    assert set_cookie(HOST | {"origin": f"https://{PUBLIC}"}, SESSION_COOKIE, "v", life_s=5) == secure
    assert set_cookie(HOST | {"cookie": "__Host-causeline_session=u"}, SESSION_COOKIE, "v", life_s=5) == secure


@pytest.mark.parametrize(
    ("host", "cookie", "value"),
    [
        ("localhost", "a=b; causeline_session=v; c=d", "v"),
        ("127.0.0.1:8080", "causeline_session=v; causeline_session=w", "v"),
        ("[::1]:8080", "causeline_session=v", "v"),
        ("localhost", "xcauseline_session=v", ""),
        ("localhost", "causeline_session", ""),
        ("localhost", f"causeline_session={'v' * 513}", ""),
        ("events.example", "__Host-causeline_session=v", "v"),
        ("events.example", "causeline_session=v", ""),  # any host of the domain may have put it there
        ("events.example", "causeline_session=w; __Host-causeline_session=v", "v"),
    ],
)
def test_a_cookie_is_read_where_it_can_be_ours(host: str, cookie: str, value: str) -> None:
    assert read_cookie({"host": host, "cookie": cookie}, SESSION_COOKIE) == value


def test_an_address_that_fails_too_often_waits_and_others_do_not() -> None:
    attempts = Attempts()
    for _ in range(MOST_FAILURES):
        attempts.look("10.0.0.1:1", 0)
        attempts.fail("10.0.0.1:2", 0)
    with pytest.raises(TooManyAttempts) as refused:
        attempts.look("10.0.0.1:3", 1_000)
    assert refused.value.headers == {"Retry-After": "299"}
    attempts.look("10.0.0.2:1", 0)
    attempts.look("10.0.0.1:1", WINDOW_MS)
    attempts.look("10.0.0.1:1", -1)  # the clock was set back


def test_who_has_a_network_of_ipv6_is_one_address() -> None:
    attempts = Attempts()
    for number in range(MOST_FAILURES):
        attempts.fail(f"2001:db8::{number:x}:1", 0)
    with pytest.raises(TooManyAttempts):
        attempts.look("2001:db8::ffff:1", 0)
    attempts.look("2001:db8:0:1::1:1", 0)


def test_the_table_of_addresses_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MAX_ADDRESSES + 10):
        attempts.fail(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:1", 0)
    assert len(attempts) == MAX_ADDRESSES
