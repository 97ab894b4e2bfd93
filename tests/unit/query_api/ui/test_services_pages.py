"""`/services` and `/services/{name}`: who is in trouble, what a name may mean, how a service stood, and what it is connected with."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.access_server import Sent
from tests.desk_samples import NOW
from tests.pages import Pages

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
HOUR = 3_600_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def describe(pages: Pages, name: str, **members: Any) -> None:
    body = json.dumps(members).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "origin": "http://127.0.0.1"}
    assert (await pages.server.send(Sent("PUT", f"/v1/services/{name}", "", body, headers))).status == 200


async def happen(pages: Pages, kind: str, service: str, hours_ago: float = 1, **fields: Any) -> str:
    return await pages.post(
        **{"kind": kind, "title": f"{kind} of {service}", "service": service, "ts": NOW - int(hours_ago * HOUR), **fields}
    )


async def test_services_in_trouble_come_first_and_an_alias_counts_for_its_service(pages: Pages) -> None:
    await describe(pages, "checkout", team="shop", aliases=["checkout-svc"])
    await describe(pages, "quiet", team="shop")
    await happen(pages, "incident", "checkout-svc", status="open")
    await happen(pages, "deployment", "payments")
    await happen(pages, "deployment", "payments", 30)
    page = await pages.visit("/services")
    assert [link.text for link in page.links if link.address.startswith("/services/")] == ["checkout", "payments", "quiet"]
    assert "checkout shop 1 open none payments not described \N{EN DASH} none open 1 change quiet shop" in page.text
    assert [link.text for link in (await pages.visit("/services", {"team": "shop"})).links if link.address.startswith("/services/")] == [
        "checkout",
        "quiet",
    ]


async def test_an_empty_fleet_teaches_and_a_mistyped_name_has_neighbours(pages: Pages) -> None:
    assert "curl -X PUT" in (await pages.visit("/services")).text
    await describe(pages, "checkout")
    await happen(pages, "deployment", "checkin")
    page = await pages.visit("/services", {"q": "chekcout"})
    assert page.address("checkout") == "/services/checkout"
    unknown = await pages.visit("/services/checkot")
    assert unknown.status == 404
    assert [link.text for link in unknown.links if link.address.startswith("/services/")] == ["checkout", "checkin"]
    assert (await pages.visit("/services", {"sort": "name"})).status == 400


@pytest.mark.parametrize("name", ["shop/checkout", "größe/ß ✓", "a%2Fb?c#d&e=f", "white space", "x/../y", HOSTILE])
async def test_a_name_of_any_letters_is_one_address(pages: Pages, name: str) -> None:
    await happen(pages, "deployment", name, title=name, release="1")
    address = (await pages.visit("/services")).address(name)
    assert address == f"/services/{quote(name, safe='')}"
    page = await pages.visit(address)
    assert page.status == 200
    assert page.text.count(name) >= 2
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
    assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_a_service_shows_how_it_stood_and_what_it_is_connected_with(pages: Pages) -> None:
    await describe(pages, "checkout", team="shop", depends_on=["payments"], aliases=["checkout-svc"], tier=1)
    await describe(pages, "web", depends_on=["checkout-svc"])
    problem = await happen(pages, "incident", "checkout", 40, status="open", correlation_id="a")
    await happen(pages, "incident", "checkout", 3, status="open", correlation_id="b", environment="staging")
    await happen(pages, "deployment", "checkout-svc", 50, status="success", environment="production")
    page = await pages.visit("/services/checkout")
    assert "checkout · 2 problems open" in page.text
    assert page.address("payments") == "/services/payments"
    assert page.address("web") == "/services/web"
    assert "1 change in 30 days, 0.0 a day: 1 deployment" in page.text
    assert "Deployment frequency 0.2 a week" in page.text
    marks = [link["href"] for link in page.all("a") if link.get("aria-label", "") and "incident of checkout" in (link["aria-label"] or "")]
    assert len(marks) in (1, 2)
    assert problem
    staging = await pages.visit("/services/checkout", {"environment": "staging"})
    assert "1 problem open" in staging.text
    assert (await pages.visit("/services/checkout", {"period": "1y"})).status == 400


async def test_an_alias_leads_to_its_service(pages: Pages) -> None:
    await describe(pages, "checkout", aliases=["kasse/alt"])
    page = await pages.visit("/services/kasse%2Falt", {"period": "7d"})
    assert (page.status, page.headers["Location"]) == (303, "/services/checkout?period=7d")
