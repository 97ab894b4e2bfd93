"""`/planned`: what is planned or frozen in a month, which of it meets, and how to say so."""

import pytest

from causeline.query_api.ui.month import lay_out_month, read_month
from causeline.query_api.ui.plans import ChangePlan, find_overlaps
from causeline.schemas.web.errors import Invalid
from tests.desk_samples import NOW
from tests.pages import Pages

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def test_a_month_shows_plans_freezes_and_what_meets(pages: Pages) -> None:
    await pages.post(kind="deployment", status="planned", title="New checkout", service="checkout", ts=NOW + DAY, end=NOW + DAY + HOUR)
    await pages.post(kind="migration", title="New index", service="checkout", ts=NOW + DAY + MINUTE)
    await pages.post(kind="deployment", status="scheduled", title="Was due", service="cart", ts=NOW - DAY)
    await pages.post(kind="freeze", title="Sale", environment="production", ts=NOW + 2 * DAY, end=NOW + 4 * DAY)
    await pages.post(kind="deployment", title="An ordinary one", service="cart", ts=NOW - DAY)
    await pages.post(kind="deployment", title="Next month", service="cart", ts=NOW + 30 * DAY)
    page = await pages.visit("/planned")
    assert page.status == 200
    assert "New checkout and New index on checkout" in page.text
    assert "due Was due deployment cart" in page.text
    assert "to come Sale freeze all production" in page.text
    assert len([link for link in page.links if link.text == "Sale"]) == 1 + 3, "in its table and on each day"
    assert "An ordinary one" not in page.text
    assert "Next month" not in page.text
    later = await pages.visit(page.address("2023-12"))
    assert "Next month" in later.text
    only = await pages.visit("/planned", {"service": "cart"})
    assert "Was due" in only.text
    assert "New checkout" not in only.text


async def test_a_plan_is_found_by_its_filters_beside_more_plans_than_are_looked_at(pages: Pages) -> None:
    for number in range(310):
        await pages.post(kind="deployment", title=f"plan {number}", service="busy", ts=NOW + HOUR + number)
    await pages.post(kind="deployment", title="The rare one", service="rare", ts=NOW + 3 * DAY)
    assert "The rare one" in (await pages.visit("/planned", {"service": "rare"})).text
    assert "The rare one" in (await pages.visit("/", {"service": "rare"})).text


async def test_what_clients_wrote_is_text(pages: Pages) -> None:
    for kind in ("freeze", "deployment"):
        await pages.post(kind=kind, status="planned", title=HOSTILE, service=HOSTILE, environment=HOSTILE, ts=NOW + HOUR, end=NOW + DAY)
    for query in ({}, {"service": HOSTILE}):
        page = await pages.visit("/planned", query)
        assert HOSTILE in page.text
        assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
        assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_an_empty_month_says_how_to_plan(pages: Pages) -> None:
    page = await pages.visit("/planned")
    assert "A freeze has the kind freeze" in page.text
    assert page.address("Plan a change") == "/events/new?kind=deployment&status=planned"
    assert "with these filters" in (await pages.visit("/planned", {"team": "shop"})).text


@pytest.mark.parametrize("query", [{"month": "2026-13"}, {"month": "soon"}, {"colour": "red"}])
async def test_a_wrong_parameter_is_refused_by_name(pages: Pages, query: dict[str, str]) -> None:
    page = await pages.visit("/planned", query)
    assert page.status == 400
    assert next(iter(query)) in page.text


def plan(start: int, end: int, service: str = "a", environment: str = "", kind: str = "deployment") -> ChangePlan:
    return ChangePlan(f"{start}-{kind}", "t", kind, "planned", service, environment, start, end)


@pytest.mark.parametrize(
    ("first", "second", "is_meeting"),
    [
        (plan(0, 10), plan(10, 20), True),
        (plan(0, 10), plan(11, 20), False),
        (plan(0, 0), plan(0, 0, environment="production"), True),
        (plan(0, 10, environment="test"), plan(5, 6, environment="production"), False),
        (plan(0, 10), plan(5, 6, service="b"), False),
        (plan(0, 10, service=""), plan(5, 6, service=""), False),
        (plan(0, 10, service="", kind="freeze"), plan(5, 6), True),
        (plan(0, 10, service="", kind="freeze", environment="production"), plan(5, 6, environment="test"), False),
        (plan(0, 10, service="b", kind="freeze"), plan(5, 6), False),
        (plan(0, 10, kind="freeze"), plan(5, 6, kind="freeze"), False),
    ],
)
def test_plans_meet_on_a_service_at_a_time(first: ChangePlan, second: ChangePlan, *, is_meeting: bool) -> None:
    assert bool(find_overlaps([first, second])) is is_meeting


def test_weeks_begin_on_monday_and_a_plan_is_on_each_of_its_days() -> None:
    month = read_month("2026-02", NOW)
    assert (month.before, month.after) == ("2026-01", "2026-03")
    night = plan(month.from_ms + DAY - HOUR, month.from_ms + 2 * DAY)
    weeks = lay_out_month(month, [night, *(plan(month.to_ms - 1, month.to_ms - 1) for _ in range(7))])
    assert [len(week) for week in weeks] == [7] * 5
    days = {str(day.day): len(day.plans) + max(day.more, 0) for week in weeks for day in week if day.plans}
    assert days == {"2026-02-01": 1, "2026-02-02": 1, "2026-02-28": 7}, "one that ends at midnight is not on the day after"
    assert read_month("", NOW).text == "2023-11"
    with pytest.raises(Invalid):
        read_month("2026-00", NOW)


@pytest.mark.parametrize(("at", "state"), [(0, "to come"), (10, "under way"), (19, "under way"), (20, "over")])
def test_a_plan_with_an_end_stands_by_the_time(at: int, state: str) -> None:
    assert plan(10, 20).tell_state(at) == state


def test_a_plan_without_an_end_is_due_from_its_time_on() -> None:
    assert [plan(10, 10).tell_state(at) for at in (9, 10, 99)] == ["to come", "due", "due"]
