"""`/inside`: readiness with its reasons, charts with the visitor's events on them, their table, and no tenant's name."""

from typing import Final

from causeline.query_api.ui.api import PAGES_API
from causeline.query_api.ui.figures import Drop, FigureSample, ServerFigures, StageLag
from causeline.query_api.ui.pages.inside import inside_pages
from causeline.query_api.ui.rendering import render_template
from causeline.query_api.ui.visits import Show, Visit
from causeline.schemas.telemetry import SECONDS_BUCKETS
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.calls import ApiCall
from causeline.schemas.web.errors import Answer, Unavailable
from causeline.schemas.web.http import HttpRequest, json_answer
from tests.access_server import AccessServer
from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE: Final = "</title><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
LAGS: Final = {"processors": StageLag(75.0, 1_200), "sink": StageLag(0.0, 0)}


def sample(minutes_ago: int) -> FigureSample:
    buckets = (0, 0, 0, 0, 0, 0, 0, 90, 0, 10, *(0 for _ in SECONDS_BUCKETS[9:]))
    return FigureSample(NOW - minutes_ago * 60_000, 10.0, 500, buckets, {Drop("events refused", "over_quota"): 3}, LAGS)


FIGURES: Final = ServerFigures({"broker": True, "sink": False}, ["the sink does not advance"], [sample(2), sample(1)], LAGS)


async def look(figures: ServerFigures, *, has_store: bool = True, query: str = "") -> Seen:
    async def ask(_: HttpRequest, call: ApiCall) -> Answer:
        assert call.path == "/v1/events"
        if not has_store:
            raise Unavailable("ClickHouse does not answer")
        event = {"id": "e/1", "ts": rfc3339(NOW - 90_000), "kind": "deployment", "title": HOSTILE}
        return json_answer(200, {"events": [event], "next_cursor": None})

    ((_, _, visit_inside, scope),) = inside_pages(lambda: figures)
    assert scope == "read"
    request = HttpRequest("GET", "/inside", {}, query, {}, b"", "acme", NOW)
    page = await visit_inside(Visit(request, ask, lambda _, __: None))
    assert isinstance(page, Show)
    return Seen(200, {}, render_template(page.template, {"now": NOW, **page.values}))


async def test_charts_have_the_visitors_events_as_marks_and_a_table_beside() -> None:
    page = await look(FIGURES)
    labels = ["Events that were accepted, a second", "How long requests that write took"]
    assert [svg["aria-label"] for svg in page.all("svg")] == [*labels, "How old the oldest record is that a stage has not applied"]
    assert [link.address for link in page.links if link.address.startswith("/events/e%")] == ["/events/e%2F1", "/events/e%2F1"]
    assert (HOSTILE in page.text, len(page.all("script"))) == (True, 1)
    assert "500 50.0 100 183.3 ms 750.0 ms processors 75.0 s, sink 0.0 s" in page.text


async def test_what_is_not_ready_and_what_is_behind_is_said_in_words() -> None:
    text = (await look(FIGURES)).text
    assert "broker is ready sink is not ready the sink does not advance" in text
    assert "processors 1 min 15 s 1,200 1 min 15 s, 1,200 records" in text
    assert "events refused over_quota 6" in text


async def test_the_page_stands_without_the_store() -> None:
    page = await look(FIGURES, has_store=False)
    assert "without your events" in page.text
    assert len(page.all("svg")) == 3


async def test_a_server_that_has_just_begun_says_so() -> None:
    page = await look(FIGURES._replace(samples=[], lags={}))
    assert "a server measures itself every 10 s" in page.text
    assert "The log was not looked at yet" in page.text
    assert not page.all("svg")


async def test_a_shorter_period_leaves_older_samples_out() -> None:
    old = FIGURES._replace(samples=[sample(50), sample(1)])
    assert "2 rows" in (await look(old)).text
    assert "1 row" in (await look(old, query="period=15m")).text


async def test_it_is_for_who_may_read_and_names_no_tenant() -> None:
    server = AccessServer()
    token = await server.issue("read", tenant="acc_Quiet0000000000000000001")
    await server.issue("read", tenant="acc_Other0000000000000000001")
    page = await Pages(server, authorization=f"Bearer {token}").visit("/inside")
    assert (page.status, "acc_Other" in page.html) == (200, False)
    assert (await Pages(server).visit("/inside")).status == 401
    assert (await Pages(server, authorization=f"Bearer {token}").visit("/inside", {"period": "a year"})).status == 400
    assert any(route.path == "/inside" and route.api is PAGES_API for route in server.apis.routes)
