"""Whatever a browser sends to a page: never a 5xx but an honest 503, always a page, and what was sent is text in it.

Pages describe no parameters, so the names of all of them are drawn for each.
"""

import re
import uuid
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.ui.api import PAGES_API
from causeline.query_api.ui.assets import ASSETS_PATH
from tests import hostile
from tests.access_server import AccessServer
from tests.e2e.test_fuzz_http import BOUNDED, LONG, UNAVAILABLE, escaped, urlencoded
from tests.stack import Stack

MARKUP: Final = "</td></script><script>window.wasRun=1</script><img src=x onerror=window.wasRun=1>\"' onload=window.wasRun=1 {{ 7*7 }}"
NAMES: Final = (
    *("service", "environment", "kind", "team", "status", "priority", "q", "from", "to", "at", "by", "skip", "list", "live", "cursor"),
    *("limit", "month", "period", "state", "order", "include", "near", "depends_on", "definition", "subscription", "entity", "outcome"),
    *("what", "wide", "shift", "event", "verdict", "note", "title", "name", "url", "type", "tenant", "token", "then", "start", "end"),
    *("tags", "text", "problem"),
)
ROUTES: Final = sorted(
    {
        (route.method, route.path)
        for route in AccessServer(is_auth_required=False).apis.routes
        if route.api is PAGES_API and route.path not in (ASSETS_PATH, "/session/end")
    }
)
TENANT: Final = f"fuzz-{uuid.uuid4().hex}"
_PARAMETER: Final = re.compile(r"{\w+(?::\w+)?}")

texts = st.sampled_from([MARKUP, *hostile.TEXTS]) | hostile.texts
values = texts | st.sampled_from(["service", "open", "asc", "now", "now-30d", "2026-11", "7", "1", "confirmed", "webhook", "slack"])
EVERY = pytest.mark.parametrize("route", ROUTES, ids=" ".join)


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    headers = {"Causeline-Tenant": TENANT, "Origin": stack.url}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
        for service in ("shop", MARKUP):
            client.post("/v1/events", json={"kind": "deployment", "title": MARKUP, "service": service}).raise_for_status()
            client.post("/v1/events", json={"kind": "incident", "status": "open", "title": MARKUP, "service": service}).raise_for_status()
        yield client


def attack(http: httpx.Client, route: tuple[str, str], data: st.DataObject) -> None:
    method, pattern = route
    parts = data.draw(st.lists(st.sampled_from([str(uuid.uuid4()), "shop", MARKUP.replace("/", "-"), "listEvents", "a"]), min_size=3))
    path = _PARAMETER.sub(lambda _: escaped(parts.pop()), pattern)
    pairs = st.lists(st.tuples(st.sampled_from(NAMES) | texts, values), max_size=5).map(urlencoded)
    url = httpx.URL(f"{http.base_url}".rstrip("/")).copy_with(raw_path=f"{path}?{data.draw(pairs)}".encode())
    form = data.draw(pairs | st.binary(max_size=40) | st.just("a" * 70_000)) if method == "POST" else None
    media = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
    judge(http.request(method, url, content=form, headers=media), f"{method} {url} {form!r:.200}")


def judge(answer: httpx.Response, what: str) -> None:
    assert answer.status_code < 500 or answer.status_code == UNAVAILABLE, f"{what}: {answer.status_code} {answer.text[:500]}"
    if answer.status_code in (302, 303):
        assert answer.headers["Location"].startswith("/"), f"{what}: leads to {answer.headers['Location']}"
        return
    if "html" in answer.headers["content-type"]:
        assert "default-src 'none'" in answer.headers["content-security-policy"], what
        assert "<script>window" not in answer.text, what
        assert "<img src=x" not in answer.text, what


@EVERY
@given(data=st.data())
@BOUNDED
def test_a_page_takes_or_refuses_whatever_it_is_sent(http: httpx.Client, route: tuple[str, str], data: Any) -> None:
    attack(http, route, data)


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
@EVERY
@given(data=st.data())
@LONG
def test_a_page_takes_or_refuses_whatever_it_is_sent_at_length(http: httpx.Client, route: tuple[str, str], data: Any) -> None:
    attack(http, route, data)
