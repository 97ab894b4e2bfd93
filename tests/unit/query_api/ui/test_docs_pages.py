"""`/docs`: every call of the OpenAPI document, a form for each that equals a line of a shell, and the policy of all pages."""

import json
import shlex
from typing import Final

import pytest

from causeline.deploy.server.openapi.document import openapi_document
from causeline.query_api.ui.reference import METHODS, equal_call, group_operations
from causeline.query_api.ui.rendering import POLICY
from tests.access_server import AccessServer
from tests.pages import Pages

HOSTILE: Final = "</code><script>alert(1)</script>\"' onload=x {{ 7*7 }} $(reboot)"
DOCUMENT: Final = openapi_document()
OPERATIONS: Final = {one.name: one for group in group_operations(DOCUMENT).values() for one in group}


@pytest.fixture
def pages() -> Pages:
    return Pages(AccessServer())


def words_of(line: str) -> list[str]:
    return shlex.split(line.replace("\\\n", ""))


async def test_every_call_of_the_document_is_listed_under_its_api_with_its_anchor(pages: Pages) -> None:
    page = await pages.visit("/docs")
    names = [item[method]["operationId"] for item in DOCUMENT["paths"].values() for method in METHODS if method in item]
    assert sorted(row["id"] or "" for row in page.all("tr") if row.get("id")) == sorted(names)
    assert {link.address for link in page.links} >= {f"/docs/{name}" for name in names}
    assert page.text.index("Native") < page.text.index("ApiTraffic") < page.text.index("Tracker Call")


async def test_words_find_calls(pages: Pages) -> None:
    page = await pages.visit("/docs", {"q": "native CSV dora"})
    assert "No call has all of these words" in page.text
    found_names = [row["id"] for row in (await pages.visit("/docs", {"q": "Subscription post test"})).all("tr") if row.get("id")]
    assert found_names == ["testSubscription"]


async def test_the_pages_are_public_and_run_nothing_inline(pages: Pages) -> None:
    for address in ("/docs", "/docs/createEvents"):
        page = await pages.visit(address)
        assert (page.status, page.headers["Content-Security-Policy"]) == (200, POLICY)
        assert not [one for _, attributes in page.elements for one in attributes if one == "style" or one.startswith("on")]
        assert all((script["src"] or "").startswith("/assets/") for script in page.all("script"))
    assert (await pages.visit("/docs/nothing")).status == 404


async def test_what_was_typed_is_the_line_of_a_shell_whatever_it_says(pages: Pages) -> None:
    entries = {"path.id": f"a/b {HOSTILE}", "header.Idempotency-Key": "k1", "body": HOSTILE}
    page = await pages.visit("/docs/changeSubscription", entries)
    assert HOSTILE in page.text
    assert len(page.all("script")) == 2
    (line,) = [button["data-copy"] or "" for button in page.all("button") if "data-copy" in button]
    words = words_of(line)
    assert words[:3] == ["curl", "-X", "PATCH"]
    assert words[3].startswith("http://127.0.0.1/v1/subscriptions/a%2Fb%20%3C")
    assert words[-1] == HOSTILE


def test_a_question_has_what_was_typed_and_nothing_else() -> None:
    line = equal_call(OPERATIONS["listEvents"], "http://x", {"query.service": "a&b", "query.unknown": "1", "query.kind": ""})
    assert words_of(line) == ["curl", "http://x/v1/events?service=a%26b"]


def test_every_body_has_an_example_of_what_is_required() -> None:
    examples = {name: json.loads(one.example) for name, one in OPERATIONS.items() if one.media}
    assert set(examples["createSubscription"]) == {"name", "target"}
    assert examples["createSubscription"]["target"] == {"type": "webhook"}
    assert set(examples["createEvents"]) == {"kind", "title"}


def test_a_parameter_says_what_it_takes() -> None:
    outcome = next(one for one in OPERATIONS["listDeliveries"].parameters if one.name == "outcome")
    assert (outcome.field, outcome.choices) == ("query.outcome", ("delivered", "retried", "dead", "cancelled"))
