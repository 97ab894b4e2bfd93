"""`/insights`: funnels, durations, weeks, the flow, hours and custom kinds, each with its sentence and its table."""

import json
from typing import Any

import pytest

from tests.access_server import Sent
from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
MINUTE = 60_000
DAY = 86_400_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def send(pages: Pages, at: int, name: str, action: str, **more: Any) -> None:
    """Send what CTO.ai's clients do, at a time."""
    now, pages.server.now = pages.server.now, at
    body = json.dumps({"event_name": name, "event_action": action, "commit": "c1", "repo": "api", "team_id": "t1", **more}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "origin": "http://127.0.0.1"}
    assert (await pages.server.send(Sent("POST", "/events", "", body, headers))).status == 200
    pages.server.now = now
    await pages.server.reach()


def sections(page: Seen) -> list[str | None]:
    return [attributes["id"] for name, attributes in page.elements if name == "h2"]


async def test_runs_become_a_funnel_durations_weeks_and_hours(pages: Pages) -> None:
    start = NOW - 2 * DAY  # 2023-11-12T22:13Z, a Sunday
    await send(pages, start - 10 * MINUTE, "commit", "succeeded")
    await send(pages, start, "build", "initiated")
    await send(pages, start + 3 * MINUTE, "build", "succeeded")
    await send(pages, start + 5 * MINUTE, "build", "failed", commit="c2")
    await send(pages, start + 20 * MINUTE, "deployment", "succeeded")
    await send(pages, start + 30 * MINUTE, "sweep", "swept")
    page = await pages.visit("/insights", {"stage": "build"})
    assert page.status == 200
    assert sections(page) == ["funnel", "durations", "failures", "flow", "hours", "custom", "words"]
    assert "build 2 2 1 50 %" in page.text
    assert "build 3 min 3 min 3 min 1" in page.text
    assert "2023-11-06 2 1 50 %" in page.text
    assert "deployment 30 min after 1" in page.text
    assert "Sunday, 22:00 to 23:00: 2" in page.text
    assert "sweep 1 swept" in page.text
    berlin = await pages.visit("/insights", {"stage": "build", "tz": "Europe/Berlin"})
    assert "Sunday, 23:00 to 24:00: 2" in berlin.text


async def test_nothing_is_not_known_and_the_page_teaches_what_to_send(pages: Pages) -> None:
    page = await pages.visit("/insights")
    assert "POST /events alone feeds this page" in page.text
    assert "0 0 not known" in page.text
    assert page.text.count("Not known: send") == 2
    narrow = await pages.visit("/insights", {"repo": "other"})
    assert narrow.address("Look at all") == "/insights"
    assert (await pages.visit("/insights", {"tz": "Mars/Olympus"})).status == 400


async def test_what_clients_wrote_is_text_and_every_picture_has_its_table(pages: Pages) -> None:
    await send(pages, NOW - DAY, HOSTILE, "succeeded", repo=HOSTILE)
    page = await pages.visit("/insights", {"repo": HOSTILE})
    assert HOSTILE in page.text
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
    assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]
    places = {attributes.get("id") for _, attributes in page.elements}
    marks = [(link["href"] or "")[1:] for link in page.all("a") if link.get("aria-label")]
    assert marks
    assert set(marks) <= places


async def test_the_csv_link_is_a_table(pages: Pages) -> None:
    await send(pages, NOW - DAY, "build", "succeeded")
    table = await pages.visit((await pages.visit("/insights", {"team": "t1"})).address("CSV"))
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "build" in table.text
