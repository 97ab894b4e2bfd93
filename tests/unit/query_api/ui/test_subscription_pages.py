"""`/subscriptions` and `/deliveries`: made by a form, shown with their health and their attempts, changed by buttons."""

from typing import Final

import pytest

from causeline.schemas.records.delivery import Delivery, Health
from causeline.schemas.records.delivery_work import DeliveryOutcome
from tests.access_server import AccessServer
from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE: Final = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
TYPED: Final = {
    "name": "Checkout team",
    "stream.problems": "on",
    "filter.service": "checkout, payments",
    "target.type": "webhook",
    "target.url": "https://hooks.example.test/in",
    "target.headers": "X-Team=checkout\n",
}


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def subscription_id(pages: Pages, **typed: str) -> str:
    page = await pages.press("/subscriptions", {**TYPED, **typed})
    assert page.status == 201, page.text
    return page.address("I have it").rpartition("/")[2]


def attempt(subscription: str, outcome: DeliveryOutcome = "dead", **more: str) -> Delivery:
    return Delivery(
        tenant="default", subscription_id=subscription, id="msg_1", attempt=10, what="problem", entity="problem-1", version=1,
        outcome=outcome, status_code=500, detail=more.get("detail", "boom"), took_ms=12, received=NOW, at=NOW, record=b"record",
    )  # fmt: skip


def headings(page: Seen) -> list[str]:
    return [tag for tag, _ in page.elements if tag in {"h1", "h2", "h3"}]


async def test_a_subscription_is_made_by_a_form_and_shows_its_secret_once(pages: Pages) -> None:
    form = await pages.visit("/subscriptions/new")
    assert (form.status, headings(form)) == (200, ["h1"])
    page = await pages.press("/subscriptions", TYPED)
    assert page.status == 201
    assert "whsec_" in page.text
    again = await pages.visit(page.address("I have it"))
    assert "whsec_" not in again.html
    assert "service checkout or payments" in again.text
    assert "Header X-Team" in again.text
    assert headings(again)[:2] == ["h1", "h2"]


async def test_a_form_that_is_sent_twice_makes_one_subscription(pages: Pages) -> None:
    first, second = [await subscription_id(pages, opened="1") for _ in range(2)]
    assert first == second
    assert await subscription_id(pages, opened="2") != first
    assert await subscription_id(pages, opened="1", name="Another team") != first


async def test_what_is_wrong_stands_at_its_field_beside_what_was_typed(pages: Pages) -> None:
    secret = f"whsec_{'A' * 32}"
    typed = {**TYPED, "name": "", "target.url": "http://10.0.0.1/", "filter.transition": "exploded", "target.secret": secret}
    page = await pages.press("/subscriptions", typed)
    assert page.status == 422
    wrong = {field["name"] for field in page.all("input") if field.get("aria-invalid") == "true"}
    assert wrong == {"name", "target.url", "filter.transition"}
    values = {field["name"]: field.get("value") for field in page.all("input")}
    assert values["filter.service"] == "checkout, payments"
    assert values["target.secret"] == ""
    assert secret not in page.html
    ids = {attributes["id"] for _, attributes in page.elements if attributes.get("id")}
    assert {field["aria-describedby"] for field in page.all("input") if field.get("aria-invalid")} <= ids


async def test_a_line_that_is_no_pair_is_refused_at_its_field(pages: Pages) -> None:
    page = await pages.press("/subscriptions", {**TYPED, "target.headers": "X-Team=a\nX-Team=b\nnothing"})
    assert page.status == 422
    assert "line 2 says X-Team again; line 3 is not name=value" in page.text


async def test_a_list_says_how_each_one_fares(pages: Pages) -> None:
    made = await subscription_id(pages)
    health = Health(
        id=made, tenant="default", revision=1, state="disabled", why="gone", breaker="open", attempts=12, failed=9, dead=3, waiting=4,
        behind=True, last_attempt=NOW, last_status=410, last_error=HOSTILE, at=NOW,
    )  # fmt: skip
    pages.server.health.put(made, health)
    row = (await pages.visit("/subscriptions")).text
    assert "disabled Checkout team problems, filtered webhook https://hooks.example.test/in" in row
    assert "· 410 open 0 delivered, 9 failed, 3 dead 4 and more" in row
    page = await pages.visit(f"/subscriptions/{made}")
    assert HOSTILE in page.text
    assert len(page.all("script")) == 1
    assert "No subscription fits" in (await pages.visit("/subscriptions", {"state": "active"})).text


async def test_buttons_pause_resume_test_and_end(pages: Pages) -> None:
    made = await subscription_id(pages)
    assert "Pause" in (await pages.visit(f"/subscriptions/{made}")).text
    assert (await pages.press(f"/subscriptions/{made}/pause")).headers["Location"] == f"/subscriptions/{made}"
    assert "Resume" in (await pages.visit(f"/subscriptions/{made}")).text
    await pages.press(f"/subscriptions/{made}/resume")
    assert "Pause" in (await pages.visit(f"/subscriptions/{made}")).text
    sent = await pages.press(f"/subscriptions/{made}/test")
    assert (await pages.visit(sent.headers["Location"])).address("its delivery").startswith("/deliveries/")
    assert "whsec_" in (await pages.press(f"/subscriptions/{made}/rotate-secret")).text
    assert (await pages.press(f"/subscriptions/{made}/end")).headers["Location"] == "/subscriptions"
    assert "Nobody is told of anything yet" in (await pages.visit("/subscriptions")).text


async def test_what_died_is_listed_and_told_again(pages: Pages) -> None:
    made = await subscription_id(pages, name=HOSTILE)
    pages.server.store.deliveries.put(attempt(made, detail=HOSTILE))
    listing = await pages.visit("/deliveries", {"outcome": "dead"})
    page = await pages.visit(listing.address("problem problem-1"))
    assert (HOSTILE in page.text, len(page.all("script"))) == (True, 1)
    assert page.address("problem problem-1") == "/problems/problem-1"
    going = await pages.press("/deliveries/msg_1/retry")
    assert "It goes again" in (await pages.visit(going.headers["Location"])).text
    many = await pages.press(f"/subscriptions/{made}/retry")
    assert "1 delivery goes again" in (await pages.visit(many.headers["Location"])).text
    pages.server.store.deliveries.put(attempt(made, "delivered"))
    assert (await pages.press("/deliveries/msg_1/retry")).status == 409


async def test_an_empty_list_of_deliveries_teaches(pages: Pages) -> None:
    assert (await pages.visit("/deliveries")).address("subscription") == "/subscriptions"
    assert "No delivery fits" in (await pages.visit("/deliveries", {"what": "test"})).text
    assert (await pages.visit("/deliveries", {"outcome": "eaten"})).status == 400


async def test_who_may_only_read_sees_no_buttons_and_is_refused_what_they_do() -> None:
    server = AccessServer()
    reader = Pages(server, authorization=f"Bearer {await server.issue('read')}")
    admin = Pages(server, authorization=f"Bearer {await server.issue('admin')}")
    made = await subscription_id(admin)
    assert "New subscription" not in (await reader.visit("/subscriptions")).text
    assert (await reader.visit(f"/subscriptions/{made}")).status == 404  # it may tell what the reader must not see
    assert (await reader.press(f"/subscriptions/{made}/pause")).status == 403
    assert (await reader.visit("/subscriptions/new")).status == 403
