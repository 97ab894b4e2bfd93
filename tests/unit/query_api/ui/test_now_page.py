"""`/`: what is open, what changed, what is planned, and what a new or a half-broken server says of itself."""

import msgspec
import pytest

from causeline.query_api.ui.figures import ServerFigures, StageLag
from causeline.query_api.ui.last_good import KEEP_MS, DatedPart, LastGood
from causeline.query_api.ui.pages.now import now_pages
from causeline.query_api.ui.rendering import render_template
from causeline.query_api.ui.visits import Show, Visit
from causeline.schemas.values.times import rfc3339
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


class Api:
    """An API of one problem and one change, that answers or does not."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.pages = now_pages(lambda: ServerFigures({"clickhouse": not self.away}, [], [], {}))

    async def ask(self, request: HttpRequest, call: ApiCall) -> Answer:
        if call.path in self.away:
            raise Unavailable(f"{call.path} is away")
        secret = "of all" if request.groups is None else f"of {','.join(request.groups)}"
        empty = dict.fromkeys(("service", "environment", "severity", "priority", "causes", "end"))
        problem = {"id": "p", "title": f"Slow {secret}", "state": "open", "start": rfc3339(NOW - MINUTE), **empty}
        bin_ = {"start": rfc3339(NOW - 10 * MINUTE), "count": 1, "counts": {"deployment": 1}}
        lanes = {"lanes": [{"name": "checkout", "bins": [bin_]}], "lane_count": 1, "event_count": 1}
        bodies = {"/v1/problems": {"problems": [problem], "next_cursor": None}, "/v1/lanes": lanes}
        return Answer(200, {}, msgspec.json.encode(bodies.get(call.path, {"changes": [], "events": []})))

    async def visit(self, at: int, query: str = "", tenant: str = "acme", groups: tuple[str, ...] | None = None) -> Seen:
        request = HttpRequest("GET", "/", {}, query, {"host": "h"}, b"", tenant, at, groups=groups)
        outcome = await self.pages[0].visit(Visit(request, self.ask, lambda _, __: None))
        assert isinstance(outcome, Show)
        return Seen(outcome.status, {}, render_template(outcome.template, {"request": request, "now": at, **outcome.values}))


async def test_what_does_not_answer_is_shown_as_it_was_with_its_time() -> None:
    api = Api()
    assert "As it was" not in (await api.visit(NOW)).text
    api.away = {"/v1/problems", "/v1/lanes", "/v1/changes"}
    page = await api.visit(NOW + 5 * MINUTE)
    assert page.status == 503
    assert page.text.count("As it was at 2023-11-14 22:13:20 , 5 min ago") == 3
    assert page.address("Slow of all") == "/problems/p"
    assert "Changes of two hours" in page.text
    assert "checkout" in page.text
    api.away = {"/v1/changes"}
    page = await api.visit(NOW + 6 * MINUTE)
    assert (page.status, page.text.count("As it was")) == (200, 2)
    api.away = set()
    assert "As it was" not in (await api.visit(NOW + 7 * MINUTE)).text


async def test_what_was_before_is_shown_to_who_saw_it_and_for_an_hour() -> None:
    api = Api()
    await api.visit(NOW, groups=("sre",))
    api.away = {"/v1/problems"}
    assert "Slow of sre" in (await api.visit(NOW + MINUTE, groups=("sre",))).text
    others = [
        await api.visit(NOW + MINUTE, groups=("dev",)),
        await api.visit(NOW + MINUTE, groups=None),
        await api.visit(NOW + MINUTE, tenant="other", groups=("sre",)),
        await api.visit(NOW + MINUTE, query="service=x", groups=("sre",)),
    ]
    assert not [page for page in others if "Slow of" in page.text]
    assert "Slow of sre" in (await api.visit(NOW + KEEP_MS, groups=("sre",))).text
    assert "Slow of" not in (await api.visit(NOW + KEEP_MS + 1, groups=("sre",))).text


async def test_a_tenant_keeps_its_own_share_and_the_rarest_visited_gives_way() -> None:
    async def answer(value: str) -> str:
        return value

    async def away() -> str:
        raise Unavailable("away")

    async def ask(kept: LastGood, tenant: str, group: str, value: str | None = None) -> DatedPart:
        request = HttpRequest("GET", "/", {}, "", {}, b"", tenant, NOW, groups=(group,))
        visit = Visit(request, Api().ask, lambda _, __: None)
        return await kept.read(visit, "part", away() if value is None else answer(value), "", is_kept=True)

    kept = LastGood(tenants=2, parts=2)
    await ask(kept, "quiet", "a", "quiet's")
    for group in "abc":
        await ask(kept, "loud", group, group)
    assert [(await ask(kept, "loud", group)).value for group in "abc"] == ["", "b", "c"]
    assert (await ask(kept, "quiet", "a")).value == "quiet's"
    await ask(kept, "third", "a", "third's")
    assert [(await ask(kept, tenant, "a")).value for tenant in ("quiet", "third")] == ["", "third's"]
