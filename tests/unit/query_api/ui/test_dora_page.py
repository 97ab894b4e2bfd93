"""`/dora`: numbers with their own past, the deployments behind them, and what is not known and why."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
DAY = 86_400_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def deploy(pages: Pages, days_ago: float, **fields: Any) -> str:
    at = NOW - int(days_ago * DAY)
    base = {"kind": "deployment", "title": "Deploy", "service": "checkout", "environment": "production", "status": "success", "ts": at}
    return await pages.post(**{**base, **fields})


def question(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def headings(page: Seen) -> list[str]:
    return [tag for tag, _ in page.elements if tag in ("h1", "h2", "h3")]


async def test_what_nobody_reported_is_not_known_with_the_reason_and_the_source_that_would_say_it(pages: Pages) -> None:
    page = await pages.visit("/dora")
    assert page.status == 200
    assert "No deployment to production ended here" in page.text
    assert "Change fail rate not known nobody ever reported a problem here" in page.text
    assert "Send problems: native incidents" in page.text
    assert headings(page) == ["h1", *["h2"] * 10]


async def test_a_number_says_of_how_many_it_is_and_leads_to_its_deployments(pages: Pages) -> None:
    ids = [
        await deploy(pages, days, release=f"1.{days}", commits=[{"id": f"c{days}", "time": NOW - (days + 1) * DAY}]) for days in range(1, 7)
    ]
    await pages.post(kind="incident", status="open", title="slow", service="checkout", environment="production", ts=NOW - DAY // 2)
    page = await pages.visit("/dora", {"metric": "change_lead_time"})
    assert "Change lead time 1 d 6 commits" in page.text
    assert page.address("checkout 1.3") == f"/events/{ids[2]}"
    assert "Change fail rate 0.0 % 0 of 6 deployments, 95 % interval 0 to 39 %" in page.text


async def test_a_week_and_a_service_are_addresses_and_a_table_needs_no_header(pages: Pages) -> None:
    await deploy(pages, 1)
    await deploy(pages, 2, service="search", release="7")
    page = await pages.visit("/dora", {"group_by": "service", "metric": "deployment_rework_rate", "attribution": "latest"})
    narrow = page.address("search")
    assert question(narrow) == {"service": ["search"], "metric": ["deployment_rework_rate"], "attribution": ["latest"]}
    assert "1 deployment" in (await pages.visit(narrow)).text
    assert len([link for link in page.links if "step=day" in link.address]) >= 13 * 2
    table = await pages.visit(page.address("CSV"))
    assert table.headers["Content-Type"].startswith("text/csv")
    assert "deployment_rework_rate" in table.text


async def test_only_the_numerator_is_listed_where_that_is_asked_for(pages: Pages) -> None:
    await deploy(pages, 3, release="1")
    bad = await deploy(pages, 2, release="2")
    await deploy(pages, 1.9, release="1", related_id=bad, tags={"rollback": "true"})
    page = await pages.visit("/dora", {"metric": "change_fail_rate"})
    part = await pages.visit(page.address("Only those that are in the numerator"))
    assert [link.text for link in part.links if link.address.startswith("/events/") and link.text != "New event"] == [
        "checkout 2",
        "rolled back",
    ]


async def test_days_are_those_of_the_zone_and_weeks_of_nothing_stay(pages: Pages) -> None:
    page = await pages.visit("/dora", {"tz": "Pacific/Auckland", "from": "2023-10-01", "to": "2023-11-01"})
    assert "days and weeks of Pacific/Auckland" in page.text
    for day in ("2023-10-01", "2023-10-02", "2023-10-09", "2023-10-16", "2023-10-23", "2023-10-30"):
        assert day in page.text
    assert (await pages.visit("/dora", {"tz": "Mars/Olympus"})).status == 400


async def test_what_clients_wrote_is_text(pages: Pages) -> None:
    await deploy(pages, 1, service=HOSTILE, release=HOSTILE)
    page = await pages.visit("/dora", {"group_by": "service", "team": ""})
    assert HOSTILE in page.text
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
    narrow = await pages.visit("/dora", {"service": HOSTILE})
    assert next(field["value"] for field in narrow.all("input")) == HOSTILE
    assert not [one for _, attributes in narrow.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_a_wrong_metric_is_refused_by_name(pages: Pages) -> None:
    page = await pages.visit("/dora", {"metric": "lines_of_code"})
    assert (page.status, "metric" in page.text) == (400, True)
