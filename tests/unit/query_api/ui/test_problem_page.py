"""`/problems/{id}`: the verdict in words, what people say of it, what changed around it, and what it says where something is missing."""

import json
from typing import Any

import pytest

from causeline.query_api.ui.pages.problem import PROBLEM_PAGES
from causeline.schemas.values.times import rfc3339
from tests.access_server import AccessServer
from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
MINUTE = 60_000
DAY = 24 * 60 * MINUTE


@pytest.fixture
def pages() -> Pages:
    return Pages()


def minutes_ago(number: float) -> str:
    return rfc3339(round(NOW - number * MINUTE))


async def a_problem(pages: Pages, minutes: float = 6, **members: Any) -> str:
    """Open a problem; return its id."""
    said = {"title": "checkout error rate", "service": "checkout", "environment": "production", **members}
    await pages.post(kind="incident", status="open", ts=minutes_ago(minutes), **said)
    page = await pages.visit("/problems")
    return page.address(" ".join(str(said["title"]).split())).removeprefix("/problems/")


async def a_deployment(pages: Pages, minutes: float = 10, **members: Any) -> str:
    """Send a change that ended some minutes ago; return its id."""
    said = {
        "kind": "deployment",
        "title": "checkout 1.4",
        "service": "checkout",
        "environment": "production",
        "status": "success",
        **members,
    }
    return await pages.post(ts=minutes_ago(minutes), start=minutes_ago(minutes + 2), end=minutes_ago(minutes), **said)


async def a_likely_cause(pages: Pages) -> tuple[str, str]:
    """Return the ids of a problem and of the change that likely did it."""
    change = await a_deployment(pages, release="1.4")
    return await a_problem(pages, text="since version 1.4", tags={"version": "1.4"}), change


def headings(page: Seen) -> list[str]:
    return [name for name, _ in page.elements if name in ("h1", "h2", "h3", "h4")]


async def test_a_problem_says_what_likely_did_it_and_why(pages: Pages) -> None:
    problem, change = await a_likely_cause(pages)
    page = await pages.visit(f"/problems/{problem}")
    assert page.status == 200
    assert "checkout error rate · open 6 min · production" in page.text
    assert "Likely: deployment checkout 1.4" in page.text
    assert page.address("deployment checkout 1.4") == f"/events/{change}?problem={problem}"
    assert "same service · checkout · production" in page.text
    assert "finished 4 min before the problem began" in page.text
    assert "Provisional" in page.text
    assert [name for name, attributes in page.elements if "data-refresh" in attributes] == ["p"]
    assert headings(page)[:2] == ["h1", "h2"]
    keys = [attributes["data-key"] for _, attributes in page.elements if "data-key" in attributes]
    assert sorted(filter(None, keys)) == ["Escape", "[", "]", "a", "c"]


async def test_a_suspect_that_is_confirmed_is_the_cause_until_that_is_taken_back(pages: Pages) -> None:
    problem, change = await a_likely_cause(pages)
    answer = await pages.press(f"/problems/{problem}/feedback?all=1", {"event": change, "verdict": "confirmed", "note": HOSTILE})
    assert (answer.status, answer.headers["Location"]) == (303, f"/problems/{problem}?all=1#verdict")
    page = await pages.visit(f"/problems/{problem}")
    assert "Cause: deployment checkout 1.4" in page.text
    assert "Somebody confirmed it" in page.text
    assert HOSTILE in page.text
    await pages.press(f"/problems/{problem}/feedback", {"event": change, "verdict": ""})
    assert "Likely: deployment checkout 1.4" in (await pages.visit(f"/problems/{problem}")).text


async def test_somebody_may_say_that_no_change_did_it(pages: Pages) -> None:
    problem, _ = await a_likely_cause(pages)
    await pages.press(f"/problems/{problem}/feedback", {"event": "none", "verdict": "confirmed"})
    page = await pages.visit(f"/problems/{problem}")
    assert "No change did this" in page.text
    assert "Somebody said that no change did it" in page.text


async def test_what_the_api_refuses_to_store_is_said_on_the_problems_page(pages: Pages) -> None:
    problem, change = await a_likely_cause(pages)
    page = await pages.press(f"/problems/{problem}/feedback", {"event": change, "verdict": "perhaps"})
    assert page.status == 422
    assert "That was not stored: verdict: must be confirmed or rejected" in page.text
    assert "Likely: deployment checkout 1.4" in page.text
    unknown = await pages.press(f"/problems/{problem}/feedback", {"event": "no-such-event", "verdict": "confirmed"})
    assert unknown.status == 404


async def test_where_no_change_fits_it_says_so_with_what_was_looked_at(pages: Pages) -> None:
    await a_deployment(pages, 5 * DAY / MINUTE)
    page = await pages.visit(f"/problems/{await a_problem(pages)}")
    assert "No change explains this" in page.text
    assert "Nothing changed on checkout in the time that was looked at." in page.text
    assert "4 h before it began: deployment" in page.text
    assert "services: checkout" in page.text
    assert "Nothing changed here in this time" in page.text


async def test_where_nobody_reports_changes_it_cannot_know(pages: Pages) -> None:
    await a_deployment(pages, title="payments 2", service="payments", environment="staging")
    page = await pages.visit(f"/problems/{await a_problem(pages)}")
    assert "Cannot know: nobody reports what changes here" in page.text
    assert "no deployment of checkout was reported in 30 days" in page.text


async def test_other_services_are_shown_once_somebody_widens(pages: Pages) -> None:
    await a_deployment(pages)
    other = await a_deployment(pages, title="search 2.0", service="search", environment="production")
    problem = await a_problem(pages)
    narrow = await pages.visit(f"/problems/{problem}")
    rows = [link for link in narrow.links if link.text == "search 2.0"]
    assert rows == []
    wide = await pages.visit(narrow.address("All services (1 more change on 1)").partition("#")[0])
    assert f"/events/{other}?problem={problem}" in [link.address for link in wide.links if link.text == "search 2.0"]
    assert wide.address("Only its own services") == f"/problems/{problem}#changes"
    assert wide.address("An hour earlier") == f"/problems/{problem}?all=1&move=-1#changes"


async def test_the_window_moves_by_hours_and_back(pages: Pages) -> None:
    await a_deployment(pages, 60 * 5, title="checkout 1.3")
    problem = await a_problem(pages)
    assert "checkout 1.3" not in [link.text for link in (await pages.visit(f"/problems/{problem}")).links]
    earlier = await pages.visit(f"/problems/{problem}", {"move": "-4"})
    assert "checkout 1.3" in [link.text for link in earlier.links]
    assert earlier.address("Back to where it began") == f"/problems/{problem}#changes"
    assert earlier.address("An hour later") == f"/problems/{problem}?move=-3#changes"


async def test_a_ranking_of_the_past_is_shown_without_buttons_or_said_to_be_none(pages: Pages) -> None:
    problem, _ = await a_likely_cause(pages)
    page = await pages.visit(f"/problems/{problem}", {"at": "now-1h"})
    assert page.status == 200
    assert "No ranking was published by then" in page.text
    assert page.address("As of now") == f"/problems/{problem}"
    assert [form["method"] for form in page.all("form")] == ["get"]
    assert (await pages.visit(f"/problems/{problem}", {"at": "yesterday"})).status == 400


async def test_earlier_and_later_ones_of_its_correlation_id_are_linked(pages: Pages) -> None:
    for minutes, status in ((300, "open"), (290, "closed"), (6, "open")):
        await pages.post(kind="incident", status=status, title=f"at {minutes}", correlation_id="checkout-errors", ts=minutes_ago(minutes))
    earlier = (await pages.visit("/problems")).address("at 300")
    page = await pages.visit((await pages.visit("/problems")).address("at 6"))
    assert page.address("at 300") == earlier
    assert "earlier" in page.text
    assert page.address("It reopens this one") == earlier
    assert "at 6" in [link.text for link in (await pages.visit(earlier)).links]


async def test_what_the_client_sent_is_shown_to_the_letter(pages: Pages) -> None:
    page = await pages.visit(f"/problems/{await a_problem(pages, reading=1.50, unknown={'member': [1e3]})}")
    assert '"reading": 1.5' in page.text
    assert '"member": [' in page.text


async def test_what_clients_wrote_is_text_wherever_it_stands(pages: Pages) -> None:
    named: dict[str, Any] = {"title": HOSTILE, "service": HOSTILE, "environment": HOSTILE, "text": HOSTILE, "tags": {HOSTILE: HOSTILE}}
    await pages.post(kind="deployment", ts=minutes_ago(10), status=HOSTILE, actor=HOSTILE, **named)
    more: dict[str, Any] = {
        "severity": "critical",
        "owner": HOSTILE,
        "source": HOSTILE,
        "correlation_id": HOSTILE,
        "links": {HOSTILE: "javascript:alert(1)"},
    }
    page = await pages.visit(f"/problems/{await a_problem(pages, **named, **more)}", {"all": "1"})
    assert page.status == 200
    assert page.text.count(HOSTILE) > 8
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
    assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]
    assert [link for link in page.links if not link.address.startswith(("/", "#"))] == []


async def test_a_change_of_other_groups_is_nowhere_on_the_page() -> None:
    server = AccessServer()
    admin = Pages(server, authorization=f"Bearer {await server.issue('ingest', 'read', 'admin')}")
    stranger = Pages(server, authorization=f"Bearer {await server.issue('ingest', 'read', groups=('others',))}")
    change = await a_deployment(admin, title="the secret rollout", allowed_groups=["core"])
    problem = await a_problem(admin)
    assert "the secret rollout" in (await admin.visit(f"/problems/{problem}", {"all": "1"})).text
    hidden = await stranger.visit(f"/problems/{problem}", {"all": "1"})
    assert hidden.status == 200
    assert "secret" not in hidden.html
    assert change not in hidden.html
    assert (await stranger.press(f"/problems/{problem}/feedback", {"event": change, "verdict": "confirmed"})).status == 404


async def test_who_may_not_say_what_did_it_is_not_asked() -> None:
    server = AccessServer()
    writer = Pages(server, authorization=f"Bearer {await server.issue('ingest', 'read')}")
    reader = Pages(server, authorization=f"Bearer {await server.issue('read')}")
    problem, change = await a_likely_cause(writer)
    assert "Yes, this" in (await writer.visit(f"/problems/{problem}")).text
    assert "Yes, this" not in (await reader.visit(f"/problems/{problem}")).text
    refused = await reader.press(f"/problems/{problem}/feedback", {"event": change, "verdict": "confirmed"})
    assert (refused.status, refused.headers["Content-Type"]) == (403, "text/html; charset=utf-8")


async def test_a_problem_that_is_not_there_says_why_that_may_be(pages: Pages) -> None:
    page = await pages.visit(f"/problems/{HOSTILE.replace('/', '')}")
    assert page.status == 404
    assert "There is no such problem" in page.text
    assert "older than problems are kept" in page.text


def test_every_action_of_the_page_needs_the_scope_that_its_call_needs() -> None:
    assert {(page.method, page.scope) for page in PROBLEM_PAGES} == {("GET", "read"), ("POST", "ingest")}
    assert json.dumps([page.path for page in PROBLEM_PAGES])


async def test_a_problem_without_a_service_has_a_lane_and_says_that_it_names_none(pages: Pages) -> None:
    page = await pages.visit(f"/problems/{await a_problem(pages, service='')}")
    assert page.status == 200
    assert "without a service" in page.text
    assert "services: all, since the problem names none" in page.text
