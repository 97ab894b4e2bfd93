from typing import Any

import pytest

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
    sent = {key: value for key, value in WEBHOOK.items() if key != "id"}
    made = await put(api, [{**sent, **said}] * 2)
    assert [one | {"id": ""} for one in made] == [{**sent, "id": ""}] * 2
    assert len({one["id"] for one in made}) == 2
    assert await held(api) == made
    assert await put(api, made) == made


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
    sent = {"type": "webhook", "url": "https://example.test/"}
    first = await put(api, sent, key="k")
    await put(api, [SLACK], key="l")
    assert await put(api, sent, key="k") == first
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
