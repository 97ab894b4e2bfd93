"""`/timeline`: lanes of what happened, the same as a table and as a list, and where to go from a window that shows nothing or too much."""

import re

import pytest

from causeline.query_api.ui.pages.timeline import visit_timeline
from causeline.query_api.ui.timeline_question import read_timeline
from causeline.query_api.ui.visits import Show, Visit
from causeline.schemas.web.calls import ApiCall
from causeline.schemas.web.errors import Answer, Invalid, TooMuch
from causeline.schemas.web.http import HttpRequest, Scope
from tests.desk_samples import NOW
from tests.pages import Pages

HOSTILE = "</text></td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
MINUTE, HOUR = 60_000, 3_600_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def test_lanes_show_marks_and_bars_and_the_same_as_tables(pages: Pages) -> None:
    for at in (5, 5, 50):
        await pages.post(kind="deployment", title=f"Deploy {at}", service="checkout", ts=NOW - at * MINUTE)
    await pages.post(kind="flag", title="Flag", service="cart", ts=NOW - MINUTE)
    await pages.post(kind="incident", status="open", title="Checkout is slow", service="checkout", ts=NOW - 4 * MINUTE)
    await pages.post(kind="migration", title="New index", service="cart", ts=NOW - HOUR, start=NOW - HOUR, end=NOW - 10 * MINUTE)
    page = await pages.visit("/timeline")
    assert page.status == 200
    assert "6 events and 2 bars in 2 lanes by service" in page.text
    assert "Checkout is slow: open problem, since" in page.text
    assert "New index: change, " in page.text
    assert page.address("checkout") == "/services/checkout"
    assert re.search(r"checkout 4 ", page.text), "a row of the table with its sum"


async def test_a_bin_leads_to_its_events_and_these_back_to_the_picture(pages: Pages) -> None:
    for number in range(2):
        await pages.post(kind="deployment", title=f"Deploy {number}", service="checkout", ts=NOW - 5 * MINUTE)
    await pages.post(kind="deployment", title="Another", service="cart", ts=NOW - 5 * MINUTE)
    page = await pages.visit("/timeline", {"by": "service"})
    listing = next(link.address for link in page.links if "2 deployment" in link.text)
    events = await pages.visit(listing)
    assert {link.text for link in events.links if link.address.startswith("/events/") and link.address != "/events/new"} == {
        "Deploy 0",
        "Deploy 1",
    }
    assert "2 deployment" in (await pages.visit(events.address("As a picture"))).text


async def test_a_list_goes_on_through_all_of_its_events(pages: Pages) -> None:
    for number in range(101):
        await pages.post(kind="build", title=f"Build {number}", ts=NOW - number)
    first = await pages.visit("/timeline", {"list": "1"})
    rest = await pages.visit(first.address("Older ones"))
    assert len([link for page in (first, rest) for link in page.links if link.text.startswith("Build ")]) == 101


async def test_what_clients_wrote_is_text(pages: Pages) -> None:
    await pages.post(kind=HOSTILE, title=HOSTILE, service=HOSTILE, team=HOSTILE, ts=NOW - HOUR, end=NOW)
    await pages.post(kind="incident", status="open", title=HOSTILE, service=HOSTILE, ts=NOW - HOUR)
    for query in ({}, {"by": "team"}, {"by": "kind"}, {"list": "1"}, {"service": HOSTILE}, {"tag": "a:" + HOSTILE}):
        page = await pages.visit("/timeline", query)
        assert page.status == 200
        assert HOSTILE in page.text or HOSTILE in {field.get("value") for field in page.all("input")}
        assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
        assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_lanes_beyond_the_picture_are_a_link(pages: Pages) -> None:
    for number in range(43):
        await pages.post(kind="deployment", title="Deploy", service=f"service-{number:02}", ts=NOW - MINUTE)
    page = await pages.visit("/timeline")
    rest = await pages.visit(page.address("3 more lanes"))
    assert "in 3 lanes by service" in rest.text
    assert rest.address("The first lanes") == "/timeline"


async def test_an_empty_window_names_its_filters_and_leads_to_the_nearest_event(pages: Pages) -> None:
    await pages.post(kind="deployment", title="Long ago", service="checkout", ts=NOW - 30 * HOUR)
    page = await pages.visit("/timeline", {"service": "checkout"})
    assert "Nothing happened here with service=checkout" in page.text
    assert "1 event" in (await pages.visit(page.address("The nearest event before"))).text
    assert page.address("Without filters") == "/timeline"
    assert "What to send" in (await Pages().visit("/timeline")).text


async def test_keys_move_and_zoom_and_the_address_keeps_the_rest(pages: Pages) -> None:
    await pages.post(kind="deployment", title="Deploy", service="checkout", ts=NOW - MINUTE)
    page = await pages.visit("/timeline", {"by": "kind", "service": "checkout", "from": "now-1h"})
    keys = {one["data-key"]: one for tag in ("a", "input", "select", "button") for one in page.all(tag) if "data-key" in one}
    assert set(keys) == {"g", "/", "[", "]", "n", "+", "-", "t", "l", "y"}
    assert keys["-"]["href"] == "/timeline?by=kind&service=checkout"
    assert keys["+"]["href"] == "/timeline?from=now-1800s&by=kind&service=checkout"
    assert "service=checkout" in (keys["["]["href"] or "")
    earlier = await pages.visit(keys["["]["href"] or "")
    assert not [one for one in earlier.all("div") if "data-live" in one], "nothing new comes to a window that is over"


async def test_what_comes_in_is_followed_unless_somebody_turns_it_off(pages: Pages) -> None:
    page = await pages.visit("/timeline", {"service": "checkout", "team": "shop"})
    assert [one["data-live"] for one in page.all("div") if "data-live" in one] == [
        "/v1/stream?stream=events&stream=problems&service=checkout"
    ]
    quiet = await pages.visit(page.address("Do not follow"))
    assert not [one for one in quiet.all("div") if "data-live" in one]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "noon"}, "from"),
        ({"from": "now", "to": "now"}, "from"),
        ({"by": "title"}, "by"),
        ({"skip": "-1"}, "skip"),
        ({"x": "1"}, "x"),
    ],
)
async def test_a_wrong_parameter_is_refused_by_name(pages: Pages, query: dict[str, str], field: str) -> None:
    page = await pages.visit("/timeline", query)
    assert page.status == 400
    assert field in page.text
    with pytest.raises(Invalid):
        read_timeline(list(query.items()), NOW)


async def test_a_window_that_is_too_large_offers_a_narrower_one() -> None:
    async def refuse(_: HttpRequest, call: ApiCall) -> Answer:
        raise TooMuch(f"{call.path} reads too much")

    def admit(request: HttpRequest, scope: Scope) -> None:
        del request, scope

    request = HttpRequest("GET", "/timeline", {}, "from=now-90d", {}, b"", "acme", NOW)
    outcome = await visit_timeline(Visit(request, refuse, admit))
    assert isinstance(outcome, Show)
    assert (outcome.template, outcome.status) == ("timeline_narrow.html", 400)
    assert outcome.values["narrower"].address == "/timeline?from=now-21600s"


def test_an_address_says_its_window_exactly_and_shortly() -> None:
    for low, high in (("21:00:00.000Z", "22:00:00.001Z"), ("21:00:10.000Z", "22:00:00.000Z")):
        question = read_timeline([("from", f"2023-11-14T{low}"), ("to", f"2023-11-14T{high}")], NOW)
        short = [text.removesuffix(".000Z").removesuffix("Z") for text in (low, high)]
        first, last = (text.removesuffix(":00") for text in short)
        assert question.address == f"/timeline?from=2023-11-14T{first}Z&to=2023-11-14T{last}Z"
    assert read_timeline([("from", "now-2h")], NOW).address == "/timeline"
