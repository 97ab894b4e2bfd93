"""`/events/{id}`: its fields, what it changed, what it broke, what its client sent; and why it may not be there."""

import pytest

from causeline.query_api.ui.event_facts import web_address
from causeline.schemas.values.times import rfc3339
from tests.access_server import AccessServer
from tests.desk_samples import NOW
from tests.pages import Pages

HOSTILE = "</td><script>alert(1)</script>\"' onload=x {{ 7*7 }}"
MINUTE = 60_000


@pytest.fixture
def pages() -> Pages:
    return Pages()


async def test_an_event_shows_its_fields_and_where_they_lead(pages: Pages) -> None:
    first = await pages.post(kind="deployment", title="checkout 1.3", service="a/b")
    event = await pages.post(
        kind="deployment",
        title="checkout 1.4",
        service="a/b",
        environment="production",
        release="1.4",
        start=rfc3339(NOW - 5 * MINUTE),
        end=rfc3339(NOW - 3 * MINUTE),
        related_id=first,
        tags={"region": "eu"},
    )
    page = await pages.visit(f"/events/{event}")
    assert page.status == 200
    assert "checkout 1.4 deployment · a/b · production" in page.text
    assert "Release 1.4" in page.text
    assert "Lasted 2 min" in page.text
    assert page.address("a/b") == "/services/a%2Fb"
    assert page.address(first) == f"/events/{first}"
    assert "region eu" in page.text
    assert "No problem has it among its causes." in page.text


async def test_old_and_new_values_stand_beside_each_other(pages: Pages) -> None:
    changes = [{"field": "pool.size", "old": 50, "new": 5, "user": "kim"}]
    page = await pages.visit(f"/events/{await pages.post(kind='config_change', title='smaller pool', changes=changes)}")
    assert "pool.size 50 5 kim" in page.text
    assert [len(page.all(name)) for name in ("del", "ins")] == [1, 1]


async def test_what_it_broke_is_a_row_a_problem(pages: Pages) -> None:
    event = await pages.post(kind="deployment", title="checkout 1.4", service="checkout", ts=rfc3339(NOW - 10 * MINUTE))
    await pages.post(kind="incident", status="open", title="checkout is down", service="checkout", ts=rfc3339(NOW - 6 * MINUTE))
    page = await pages.visit(f"/events/{event}")
    problem = page.address("checkout is down")
    assert problem.startswith("/problems/")
    assert "4 min after" in page.text
    page = await pages.visit(f"/events/{event}", {"problem": problem.removeprefix("/problems/"), "effects": "all"})
    assert page.address("Back to the problem") == problem
    assert [link.text for link in page.links if link.address == problem] == ["Back to the problem", "checkout is down"]


async def test_only_web_addresses_are_links_and_what_clients_wrote_is_text(pages: Pages) -> None:
    links = {"pipeline": "https://ci.example/1?a=b&c=d", "script": "javascript:alert(1)", "data": "data:text/html,x", HOSTILE: HOSTILE}
    told = dict.fromkeys(("title", "text", "service", "environment", "status", "actor", "release", "team", "repo"), HOSTILE)
    raw = {"changes": {HOSTILE: [HOSTILE, "new"]}, "tags": {HOSTILE: HOSTILE}, "links": links, "member": HOSTILE}
    event = await pages.post(kind="deployment", **told, **raw)
    page = await pages.visit(f"/events/{event}", {"problem": HOSTILE})
    assert page.text.count(HOSTILE) > 10
    assert [(script["src"] or "")[:8] for script in page.all("script")] == ["/assets/"]
    assert [link.address for link in page.links if not link.address.startswith(("/", "#"))] == ["https://ci.example/1?a=b&c=d"]
    assert [one["rel"] for one in page.all("a") if (one["href"] or "").startswith("https")] == ["noreferrer"]
    assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]


async def test_a_curl_that_gets_it_can_be_copied(pages: Pages) -> None:
    event = await pages.post(kind="deployment", title="checkout 1.4")
    page = await pages.visit(f"/events/{event}")
    (button,) = [one for one in page.all("button") if "data-copy" in one]
    assert button["data-copy"] == f'curl -H "Authorization: Bearer $CAUSELINE_TOKEN" "$CAUSELINE_URL"/v1/events/{event}'
    assert "needs-script" in (button["class"] or "")


async def test_an_event_of_other_groups_is_not_there_and_the_page_says_what_that_may_mean() -> None:
    server = AccessServer()
    admin = Pages(server, authorization=f"Bearer {await server.issue('ingest', 'read', 'admin')}")
    stranger = Pages(server, authorization=f"Bearer {await server.issue('read', groups=('others',))}")
    event = await admin.post(kind="deployment", title="the secret rollout", allowed_groups=["core"])
    assert "Seen by groups core" in (await admin.visit(f"/events/{event}")).text
    hidden = await stranger.visit(f"/events/{event}")
    assert hidden.status == 404
    assert "There is no such event" in hidden.text
    assert "older than events are kept" in hidden.text
    assert "secret" not in hidden.html


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://example.com/a", True),
        ("HTTP://example.com", True),
        ("javascript:alert(1)", False),
        ("https://example.com/<b>", True),
        ("java\nscript:alert(1)", False),
        ("//example.com", False),
        ("https:alert(1)", False),
        ("http://[", False),
        ("example.com", False),
    ],
)
def test_a_web_address_begins_as_one(text: str, is_one: bool) -> None:  # noqa: FBT001
    assert bool(web_address(text)) is is_one
