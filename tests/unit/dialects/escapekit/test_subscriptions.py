import asyncio
from typing import Any

import pytest

from causeline.ingest.dialects.escapekit.subscriptions import MAX_SET
from causeline.ingest.subscriptions.subscribing import MAX_SUBSCRIPTIONS
from causeline.schemas.records.config import HOOKS
from causeline.schemas.subscriptions.rules import hook_key
from tests.escapekit_memory import MemoryEscapeKit
from tests.escapekit_samples import SUBSCRIPTIONS

WEBHOOK = {"id": "w", "type": "webhook", "url": "https://example.test/hook"}
SLACK = {"id": ["s"], "type": "SLACK", "url": "http://example.test:8/s", "slack_icon": ":ship:", "slack_username": "kit", "channel": "#x"}
PATH = f"{SUBSCRIPTIONS}/shop/"


@pytest.fixture
def api() -> MemoryEscapeKit:
    return MemoryEscapeKit()


async def put(api: MemoryEscapeKit, body: Any, path: str = PATH, *, key: str = "") -> Any:
    reply = await api.ask("PUT", path, body, key=key)
    assert reply.status == 200, reply.body
    return reply.body


async def held(api: MemoryEscapeKit, path: str = PATH, tenant: str = "t") -> Any:
    reply = await api.ask("GET", path, tenant=tenant)
    assert reply.status == 200, reply.body
    return reply.body


async def test_a_project_without_subscriptions_has_an_empty_set(api: MemoryEscapeKit) -> None:
    assert await held(api) == []


async def test_a_put_replaces_the_set_and_answers_it_as_it_was_sent(api: MemoryEscapeKit) -> None:
    assert await put(api, [WEBHOOK, SLACK]) == [WEBHOOK, SLACK]
    assert await held(api) == await held(api, PATH[:-1]) == [WEBHOOK, SLACK]
    assert await put(api, SLACK) == [SLACK]
    assert await held(api) == [SLACK]
    assert await put(api, []) == []
    assert await held(api) == []


async def test_sets_are_apart_by_project_and_tenant(api: MemoryEscapeKit) -> None:
    await put(api, [WEBHOOK])
    await put(api, [SLACK], f"{SUBSCRIPTIONS}/a%20b")
    assert await held(api, f"{SUBSCRIPTIONS}/b") == []
    assert await held(api, f"{SUBSCRIPTIONS}/a%20b/") == [SLACK]
    assert await held(api, tenant="u") == []


@pytest.mark.parametrize("said", [{}, {"id": None}, {"id": ""}, {"id": []}])
async def test_an_id_that_is_not_sent_is_made_and_stays(api: MemoryEscapeKit, said: dict[str, Any]) -> None:
    body = {key: value for key, value in WEBHOOK.items() if key != "id"}
    members = await put(api, [{**body, **said}] * 2)
    assert [one | {"id": ""} for one in members] == [{**body, "id": ""}] * 2
    assert len({one["id"] for one in members}) == 2
    assert await held(api) == members
    assert await put(api, members) == members


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({**WEBHOOK, "type": "email"}, "type"),
        ({**WEBHOOK, "type": None}, "type"),
        ({**WEBHOOK, "url": "ftp://example.test"}, "url"),
        ({**WEBHOOK, "url": "https://"}, "url"),
        ({**WEBHOOK, "url": "http://["}, "url"),
        ({**WEBHOOK, "url": "example.test"}, "url"),
        ({**WEBHOOK, "url": 1}, "url"),
        ({**WEBHOOK, "url": "http://hooks.example/"}, "url"),
        ({**WEBHOOK, "url": "https://169.254.169.254/"}, "url"),
        ([WEBHOOK, {**SLACK, "url": "https://localhost/"}], "[1].url"),
        ({**WEBHOOK, "id": 7}, "id"),
        ({**WEBHOOK, "id": [7]}, "id"),
        ({**WEBHOOK, "slack_icon": 1}, "slack_icon"),
        ([WEBHOOK, {**SLACK, "url": ""}], "[1].url"),
        ([WEBHOOK, WEBHOOK], "[1].id"),
        ([1], "[0]"),
        (b"nothing", None),
    ],
)
async def test_a_set_that_breaks_a_rule_is_400_and_changes_nothing(api: MemoryEscapeKit, body: Any, field: str | None) -> None:
    await put(api, [SLACK])
    reply = await api.ask("PUT", PATH, body)
    assert (reply.status, reply.body.get("field")) == (400, field)
    assert reply.body["error"]
    assert await held(api) == [SLACK]


async def test_a_late_repeat_answers_as_the_first_and_does_not_undo_a_newer_set(api: MemoryEscapeKit) -> None:
    body = {"type": "webhook", "url": "https://example.test/"}
    first = await put(api, body, key="k")
    await put(api, [SLACK], key="l")
    assert await put(api, body, key="k") == first
    assert await held(api) == [SLACK]
    conflict = await api.ask("PUT", PATH, [], key="k")
    assert (conflict.status, conflict.body["field"]) == (400, "Idempotency-Key")
    assert await held(api) == [SLACK]


async def test_keys_are_forgotten_after_a_hundred_newer_ones(api: MemoryEscapeKit) -> None:
    for number in range(101):
        await put(api, [], key=str(number))
    assert await put(api, [SLACK], key="0") == [SLACK]
    assert (await api.ask("PUT", PATH, [SLACK], key="100")).status == 400


async def test_what_is_not_durable_is_no_success(api: MemoryEscapeKit) -> None:
    api.config.away = True
    assert (await api.ask("PUT", PATH, [WEBHOOK])).status == 503
    api.config.away = False
    assert await held(api) == []


async def test_a_set_has_a_bound_and_one_beyond_it_is_refused_before_it_is_looked_at(api: MemoryEscapeKit) -> None:
    most = [{**WEBHOOK, "id": str(number)} for number in range(MAX_SET)]
    assert await put(api, most) == most
    refused = await api.ask("PUT", PATH, [*most, {"broken": 1}])
    assert (refused.status, refused.body["error"]) == (400, "a project has at most 20 subscriptions")
    assert await held(api) == most


async def test_a_tenant_has_one_bound_for_native_subscriptions_and_sets_and_another_tenant_its_own(api: MemoryEscapeKit) -> None:
    for number in range(MAX_SUBSCRIPTIONS - 2):
        await api.config.put(HOOKS, hook_key("t", str(number)), {})
    two, three = ([{**WEBHOOK, "id": str(number)} for number in range(count)] for count in (2, 3))
    assert await put(api, two) == two
    for path, body in ((PATH, three), (f"{SUBSCRIPTIONS}/other/", [WEBHOOK])):
        refused = await api.ask("PUT", path, body)
        assert refused.status == 400
        assert "at most 10000 subscriptions" in refused.body["error"]
    assert await put(api, [{**SLACK, "id": one["id"]} for one in two])  # no more than there are
    bystander = await api.ask("PUT", PATH, three, tenant="u")
    assert bystander.status == 200


async def test_puts_at_once_do_not_pass_the_bound_of_the_tenant_together(api: MemoryEscapeKit) -> None:
    for number in range(MAX_SUBSCRIPTIONS - 5):
        await api.config.put(HOOKS, hook_key("t", str(number)), {})
    replies = await asyncio.gather(*(api.ask("PUT", f"{SUBSCRIPTIONS}/p{number}/", [WEBHOOK]) for number in range(20)))
    assert sorted(reply.status for reply in replies) == [200] * 5 + [400] * 15


async def test_who_may_only_read_sees_no_secret_of_a_set(api: MemoryEscapeKit) -> None:
    secret = {
        **WEBHOOK,
        "id": "q",
        "url": "https://example.test:444/hook/x?token=s3cret#s3cret",
        "token": "s3cret",
        "headers": {"a": "s3cret"},
    }
    slack = {**SLACK, "url": "https://example.test/services/T0/B0/s3cret", "channel": "s3cret"}
    await put(api, [WEBHOOK, secret, slack])
    reply = await api.ask("GET", PATH, groups=())
    assert reply.body == [
        WEBHOOK,
        {**secret, "url": "https://example.test:444/hook/x?***", "token": "***", "headers": "***"},
        {**slack, "url": "https://example.test/***", "channel": "***"},
    ]
    assert await held(api) == [WEBHOOK, secret, slack]
    for index in (1, 2):  # what was masked is not sent back as if it were the secret
        refused = await api.ask("PUT", PATH, reply.body[index])
        assert (refused.status, refused.body["field"]) == (400, "url")


@pytest.mark.parametrize("around", [" ", "\n", "\r\n", "\t", "\ufeff", "\u00a0", "\u2028", " \ufeff\n"])
async def test_what_is_around_a_url_is_left_out(api: MemoryEscapeKit, around: str) -> None:
    assert await put(api, [{**WEBHOOK, "url": f"{around}{WEBHOOK['url']}{around}"}, SLACK | {"url": f"{SLACK['url']}{around}"}]) == [
        WEBHOOK,
        SLACK,
    ]


async def test_a_blank_inside_of_a_url_is_not_forgiven(api: MemoryEscapeKit) -> None:
    for url in ("https://example.test/a b", "https://example.test/a\nb", "https://exam ple.test/"):
        assert (await api.ask("PUT", PATH, {**WEBHOOK, "url": url})).status == 400
