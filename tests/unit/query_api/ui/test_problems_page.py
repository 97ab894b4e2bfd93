"""`/problems`: what the list shows, what it asks, and what it says where there is nothing."""

import pytest

from tests.contract.revision_rows import revision
from tests.desk_samples import NOW
from tests.pages import Pages, Seen

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def test_a_problem_is_a_row_with_a_link(pages: Pages) -> None:
    await pages.post(kind="incident", status="open", title="Checkout is slow", service="checkout", environment="production")
    page = await pages.visit("/problems")
    assert page.status == 200
    assert page.address("Checkout is slow").startswith("/problems/")
    assert "open Checkout is slow checkout production" in page.text


async def test_a_problem_has_the_verdict_that_was_published(pages: Pages) -> None:
    await pages.post(kind="incident", status="open", title="Slow", service="checkout")
    page = await pages.visit("/problems")
    assert "on its page" in page.text
    problem_id = page.address("Slow").removeprefix("/problems/")
    pages.server.store.put_revision(revision(id=problem_id, tenant="default", computed_at=NOW - 1, as_of=NOW - 1))
    assert "Likely: deployment Deploy shop 2" in (await pages.visit("/problems")).text


async def test_the_oldest_may_come_first(pages: Pages) -> None:
    for number in range(3):
        await pages.post(kind="incident", status="open", title=f"problem {number}", correlation_id=str(number), ts=NOW - 60_000 + number)
    page = await pages.visit("/problems", {"state": "open", "limit": "2"})
    assert [link.text for link in page.links if link.text.startswith("problem ")] == ["problem 2", "problem 1"]
    turned = await pages.visit(page.address("Began"))
    assert [link.text for link in turned.links if link.text.startswith("problem ")] == ["problem 0", "problem 1"]
    rest = await pages.visit(turned.address("Newer ones"))
    assert [link.text for link in rest.links if link.text.startswith("problem ")] == ["problem 2"]
    assert turned.address("Began") == "/problems?state=open&limit=2"


async def test_what_clients_wrote_is_text(pages: Pages) -> None:
    await pages.post(kind="incident", status="open", title=HOSTILE, service=HOSTILE)
    page = await pages.visit("/problems")
    assert HOSTILE in page.text
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]


async def test_an_empty_list_says_whether_something_was_sought(pages: Pages) -> None:
    assert "No problem was ever reported here" in (await pages.visit("/problems")).text
    narrow = await pages.visit("/problems", {"state": "open"})
    assert "No problem fits" in narrow.text
    assert narrow.address("Show all") == "/problems"


async def test_filters_stay_in_the_form_and_in_the_link_to_older_ones(pages: Pages) -> None:
    for number in range(3):
        await pages.post(kind="incident", status="open", title=f"problem {number}", service="checkout", correlation_id=str(number))
    page = await pages.visit("/problems", {"service": "checkout", "limit": "2"})
    assert [field["value"] for field in page.all("input")] == ["checkout", "", ""]
    older = page.address("Older ones")
    assert "service=checkout" in older
    last = await pages.visit(older)
    assert len([link for link in last.links if link.text.startswith("problem ")]) == 1


async def test_the_newest_problems_are_followed_by_the_filters_of_the_list(pages: Pages) -> None:
    def streams(page: Seen) -> list[str | None]:
        return [element["data-live"] for element in page.all("div") if "data-live" in element]

    assert streams(await pages.visit("/problems", {"service": "shop"})) == ["/v1/stream?stream=problems&transition=opened&service=shop"]
    assert streams(await pages.visit("/problems", {"state": "closed"})) == []


async def test_the_list_is_a_table_for_spreadsheets_too(pages: Pages) -> None:
    for number in range(3):
        await pages.post(kind="incident", status="open", title=f"=problem {number}", service="checkout", correlation_id=str(number))
    page = await pages.visit("/problems", {"service": "checkout", "limit": "2"})
    table = await pages.get(page.address("CSV"))
    assert (table.status, table.headers["Content-Type"]) == (200, "text/csv; charset=utf-8; header=present")
    heading, *lines = table.body.decode().splitlines()
    assert heading.startswith("id,state,start,end,service,environment")
    assert ["'=problem" in line for line in lines] == [True, True]
    following = await pages.get(table.headers["Link"].partition(">")[0].removeprefix("<"))
    assert len(following.body.decode().splitlines()) == 2
    assert "problems" in (await pages.get(page.address("JSON"))).body.decode()


async def test_every_field_of_the_form_is_one_that_the_call_takes(pages: Pages) -> None:
    names = [str(field["name"]) for tag in ("input", "select") for field in (await pages.visit("/problems")).all(tag)]
    page = await pages.visit("/problems", {name: "open" if name == "state" else "P1" for name in names})
    assert (page.status, len(names)) == (200, 4)


async def test_a_wrong_filter_is_refused_by_name_on_a_page(pages: Pages) -> None:
    page = await pages.visit("/problems", {"state": "ajar"})
    assert page.status == 400
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "state" in page.text


async def test_every_page_forbids_what_is_inline_or_from_elsewhere(pages: Pages) -> None:
    page = await pages.visit("/problems")
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_assets_are_kept_for_good_and_known_by_what_they_hold(pages: Pages) -> None:
    sheet = next(link["href"] for link in (await pages.visit("/problems")).all("link") if link["rel"] == "stylesheet")
    assert sheet is not None
    answer = await pages.visit(sheet)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await pages.visit("/assets/causeline.0000000000.css")).status == 404
