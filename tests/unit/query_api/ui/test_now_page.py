"""`/`: what is open, what changed, what is planned, and what a new or a half-broken server says of itself."""

import pytest

from causeline.query_api.ui.figures import ServerFigures, StageLag
from causeline.query_api.ui.pages.now import now_pages
from causeline.query_api.ui.rendering import render_template
from causeline.query_api.ui.visits import Show, Visit
from causeline.schemas.web.calls import ApiCall
from causeline.schemas.web.errors import Answer, Unavailable
from causeline.schemas.web.http import HttpRequest, Scope
from tests.contract.revision_rows import revision
from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE = "</text></td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
MINUTE, HOUR = 60_000, 3_600_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def test_open_problems_and_the_changes_of_two_hours_stand_on_one_page(pages: Pages) -> None:
    await pages.post(kind="deployment", title="Deploy", service="checkout", ts=NOW - 5 * MINUTE)
    await pages.post(kind="incident", status="open", title="Slow", service="checkout", severity="critical", ts=NOW - 4 * MINUTE)
    await pages.post(kind="incident", status="closed", title="Over", service="cart", start=NOW - HOUR, end=NOW - HOUR + 1)
    page = await pages.visit("/")
    assert page.status == 200
    assert page.address("Slow").startswith("/problems/")
    assert "Slow 4 min critical checkout" in page.text
    assert "Slow: open problem, since" in page.text
    assert "Over" not in page.text
    assert [one["data-live"] for one in page.all("div") if "data-live" in one] == ["/v1/stream?stream=events&stream=problems"]


async def test_an_empty_store_says_what_to_send_and_its_button_sends_it(pages: Pages) -> None:
    page = await pages.visit("/")
    assert "Nothing was sent here yet" in page.text
    assert len([one for one in page.all("button") if one.get("data-copy", "")]) == 3
    sent = await pages.press("/events/test")
    assert sent.status == 303
    assert "A test event" in (await pages.visit(sent.headers["Location"])).text
    await pages.server.reach()
    assert "Nothing was sent here yet" not in (await pages.visit("/")).text


async def test_a_quiet_day_shows_the_newest_events(pages: Pages) -> None:
    await pages.post(kind="deployment", title="Yesterday", service="checkout", ts=NOW - 24 * HOUR)
    page = await pages.visit("/")
    assert "Nothing changed" in page.text
    assert page.address("Yesterday").startswith("/events/")


async def test_what_is_planned_or_frozen_is_named_with_its_time(pages: Pages) -> None:
    await pages.post(kind="deployment", status="planned", title="Next week", service="checkout", ts=NOW + 48 * HOUR)
    await pages.post(kind="freeze", title="Sale", ts=NOW - HOUR, start=NOW - HOUR, end=NOW + HOUR)
    await pages.post(kind="deployment", title="Far", ts=NOW + 30 * 24 * HOUR)
    page = await pages.visit("/")
    assert "Freeze, under way: Sale" in page.text
    assert "Planned, to come: Next week · checkout" in page.text
    assert "Far" not in page.text
    assert "Next week" not in (await pages.visit("/", {"service": "cart"})).text


async def test_what_clients_wrote_is_text(pages: Pages) -> None:
    await pages.post(kind="incident", status="open", title=HOSTILE, service=HOSTILE, severity=HOSTILE)
    await pages.post(kind="freeze", title=HOSTILE, service=HOSTILE, ts=NOW, end=NOW + HOUR)
    for query in ({}, {"service": HOSTILE}):
        page = await pages.visit("/", query)
        assert HOSTILE in page.text
        assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
        assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_a_published_ranking_is_one_line_beside_its_problem(pages: Pages) -> None:
    await pages.post(kind="incident", status="open", title="Slow", service="checkout")
    problem_id = next(link.address for link in (await pages.visit("/")).links if link.text == "Slow").removeprefix("/problems/")
    assert "on its page" in (await pages.visit("/")).text
    pages.server.store.put_revision(revision(id=problem_id, tenant="default", computed_at=NOW - 1, as_of=NOW - 1))
    assert "Likely: deployment Deploy shop 2" in (await pages.visit("/")).text


async def test_an_unknown_parameter_is_refused_by_name(pages: Pages) -> None:
    page = await pages.visit("/", {"colour": "red"})
    assert page.status == 400
    assert "colour" in page.text


async def look(figures: ServerFigures, *, has_store: bool) -> Seen:
    async def ask(_: HttpRequest, call: ApiCall) -> Answer:
        if not has_store:
            raise Unavailable(f"{call.path} is away")
        bodies = {"/v1/problems": b'{"problems":[],"next_cursor":null}', "/v1/lanes": b'{"lanes":[],"lane_count":0,"event_count":0}'}
        return Answer(200, {}, bodies.get(call.path, b'{"changes":[],"events":[]}'))

    def admit(request: HttpRequest, scope: Scope) -> None:
        del request, scope

    request = HttpRequest("GET", "/", {}, "", {"host": "h"}, b"", "acme", NOW)
    outcome = await now_pages(lambda: figures)[0].visit(Visit(request, ask, admit))
    assert isinstance(outcome, Show)
    return Seen(outcome.status, {}, render_template(outcome.template, {"request": request, "now": NOW, **outcome.values}))


async def test_a_part_that_does_not_answer_is_named_with_its_time() -> None:
    parts = {"broker": True, "sink": True, "clickhouse": False}
    figures = ServerFigures(parts, ["ClickHouse does not answer"], [], {"sink": StageLag(3.0, 5)}, {"clickhouse": NOW - 5 * MINUTE})
    page = await look(figures, has_store=False)
    assert page.status == 503
    assert "Clickhouse does not answer since 2023-11-14 22:08:20 , 5 min" in page.text
    assert "clickhouse is not ready since" in page.text
    assert "sink is ready , 3 s behind" in page.text or "sink is ready, 3 s behind" in page.text
    assert "Nothing was sent" not in page.text
    whole = await look(figures._replace(parts=dict.fromkeys(parts, True), reasons=[], since={}), has_store=True)
    assert whole.status == 200
    assert "not ready" not in whole.text
