"""`/events/new`: an event by hand is what the API would take, and the call that is shown makes the same."""

import json
import shlex
from typing import Final

import pytest

from tests.access_server import AccessServer
from tests.pages import Pages

HOSTILE: Final = "</code><script>alert(1)</script>\"' onload=x {{ 7*7 }} $(reboot)"
TYPED: Final = {
    "kind": "deployment",
    "title": "checkout 1.42.0",
    "service": "checkout",
    "tags": "region=eu\nby=me",
    "links": "ci=https://ci.test/1",
}


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def event(pages: Pages, address: str) -> dict[str, object]:
    answer = await pages.visit(f"/v1{address}")
    document: dict[str, object] = json.loads(answer.html)
    return document


async def test_an_event_is_sent_and_its_page_is_next(pages: Pages) -> None:
    answer = await pages.press("/events/new", TYPED)
    assert answer.status == 303
    document = await event(pages, answer.headers["Location"])
    assert (document["kind"], document["title"], document["service"]) == ("deployment", "checkout 1.42.0", "checkout")
    assert (document["tags"], document["links"]) == ({"region": "eu", "by": "me"}, {"ci": "https://ci.test/1"})


async def test_a_form_that_is_sent_twice_makes_one_event(pages: Pages) -> None:
    first, second, other = [await pages.press("/events/new", {**TYPED, "opened": opened}) for opened in ("1", "1", "2")]
    assert first.headers["Location"] == second.headers["Location"]
    assert other.headers["Location"] != first.headers["Location"]


async def test_what_is_wrong_stands_at_its_field_beside_what_was_typed(pages: Pages) -> None:
    page = await pages.press("/events/new", {**TYPED, "title": "", "start": "yesterday", "text": HOSTILE})
    assert page.status == 422
    assert {field["name"] for field in page.all("input") if field.get("aria-invalid")} == {"title", "start"}
    assert HOSTILE in page.text
    assert "region=eu" in page.text
    assert len(page.all("script")) == 1
    assert (await pages.press("/events/new", {**TYPED, "tags": "nothing"})).status == 422
    backward = await pages.press("/events/new", {**TYPED, "start": "2026-05-28T20:00:00Z", "end": "2026-05-27T20:00:00Z"})
    assert "must not be before start" in backward.text


async def test_the_call_that_is_shown_says_what_was_typed_whatever_that_is(pages: Pages) -> None:
    page = await pages.visit("/events/new", {**TYPED, "title": HOSTILE})
    (line,) = [button["data-copy"] or "" for button in page.all("button") if "data-copy" in button]
    words = shlex.split(line.replace("\\\n", ""))
    assert words[:4] == ["curl", "-X", "POST", "http://127.0.0.1/v1/events"]
    assert json.loads(words[-1])["title"] == HOSTILE
    assert words[5] == "Content-Type: application/json"
    assert (await pages.visit("/events/new")).text.count("Show the call") == 2
    fresh = await pages.visit("/events/new", {**TYPED, "opened": "1"})
    assert [field["value"] for field in fresh.all("input") if field["name"] == "opened"] == [str(pages.server.now)]


async def test_who_may_not_send_is_refused() -> None:
    server = AccessServer()
    reader = Pages(server, authorization=f"Bearer {await server.issue('read')}")
    assert (await reader.visit("/events/new")).status == 403
    assert (await reader.press("/events/new", TYPED)).status == 403
