"""A project's set as subscriptions: who is told what of it, revision by revision."""

from typing import Any

import pytest

from causeline.schemas.records.config import SUBSCRIPTIONS
from causeline.schemas.subscriptions.rules import Filter, Rule, Subscription, SubscriptionEnd, gone_in, held_in, project_subscription_id
from tests.escapekit_memory import MemoryEscapeKit
from tests.escapekit_samples import SUBSCRIPTIONS as SETS
from tests.subscribing import rule_of

WEBHOOK = {"id": "w", "type": "webhook", "url": "https://hooks.example/in?token=t0ps3cret"}
ELSEWHERE = {**WEBHOOK, "url": "https://other.example/"}
SLACK = {"id": ["s"], "type": "SLACK", "url": "https://hooks.slack.com/s3cret", "slack_icon": ":ship:", "slack_username": "kit"}
PATH = f"{SETS}/shop/"
PLACE = "t/shop"
W, S, NEW = (project_subscription_id(PLACE, own) for own in ("w", ["s"], "new"))


@pytest.fixture
def api() -> MemoryEscapeKit:
    return MemoryEscapeKit()


async def put(api: MemoryEscapeKit, body: Any, *, key: str = "", groups: tuple[str, ...] | None = None) -> list[Rule]:
    """Replace the set; return the rules that every partition was told by it."""
    before = len(api.log.partitions[0])
    reply = await api.ask("PUT", PATH, body, key=key, groups=groups)
    assert reply.status == 200, reply.body
    rules = [[rule_of(value) for _, value in partition[before:]] for partition in api.log.partitions]
    assert rules == [rules[0]] * 4
    return rules[0]


def held(api: MemoryEscapeKit) -> dict[str, Subscription]:
    return {one.rule.id: one for one in held_in(SUBSCRIPTIONS, api.config.view.get(SUBSCRIPTIONS, PLACE) or {})}


def ended(api: MemoryEscapeKit) -> list[SubscriptionEnd]:
    return gone_in(api.config.view.get(SUBSCRIPTIONS, PLACE) or {})


async def test_each_member_is_a_subscription_to_the_events_of_its_project(api: MemoryEscapeKit) -> None:
    rules = await put(api, [WEBHOOK, SLACK], groups=("ops",))
    assert [(rule.id, rule.tenant, rule.revision, rule.groups, rule.gone) for rule in rules] == [
        (one, "t", 1, ("ops",), False) for one in (W, S)
    ]
    assert {rule.where for rule in rules} == {Filter(followed=("events",), dialects=("escapekit",), projects=("shop",))}
    webhook, slack = (held(api)[one].target for one in (W, S))
    unseal = api.subscribing.unseal
    assert (webhook.type, unseal(webhook.url), webhook.shown_url) == ("webhook", WEBHOOK["url"], "https://hooks.example/in")
    assert (slack.type, unseal(slack.url), slack.shown_url) == ("slack", SLACK["url"], "https://hooks.slack.com/***")
    assert (slack.slack_icon, slack.slack_username) == (":ship:", "kit")


async def test_what_did_not_change_keeps_its_revision_and_is_not_told_again(api: MemoryEscapeKit) -> None:
    await put(api, [WEBHOOK, SLACK])
    before = held(api)
    rules = await put(api, [SLACK, ELSEWHERE, {**WEBHOOK, "id": "new"}])
    assert [(rule.id, rule.revision) for rule in rules] == [(W, 2), (NEW, 1)]
    assert held(api)[S] == before[S]
    assert await put(api, [SLACK, ELSEWHERE, {**WEBHOOK, "id": "new"}]) == []


async def test_who_directs_it_elsewhere_gains_no_group(api: MemoryEscapeKit) -> None:
    await put(api, [WEBHOOK, SLACK], groups=None)
    rules = await put(api, [ELSEWHERE, SLACK], groups=("dev",))
    assert [(rule.id, rule.groups) for rule in rules] == [(W, ("dev",))]
    assert held(api)[S].rule.groups is None


async def test_what_left_the_set_is_told_as_gone_and_may_come_back(api: MemoryEscapeKit) -> None:
    await put(api, [WEBHOOK, SLACK])
    (rule,) = await put(api, [SLACK])
    assert (rule.id, rule.revision, rule.gone) == (W, 2, True)
    assert [one.rule for one in ended(api)] == [rule]
    (back,) = await put(api, [SLACK, WEBHOOK])
    assert (back.id, back.revision, back.gone) == (W, 3, False)
    assert ended(api) == []


async def test_an_end_is_forgotten_by_a_change_a_month_later(api: MemoryEscapeKit) -> None:
    await put(api, [WEBHOOK, SLACK])
    await put(api, [SLACK])
    api.now += 31 * 86_400_000
    await put(api, [SLACK, {**WEBHOOK, "id": "new"}])
    assert ended(api) == []


async def test_a_repeat_changes_nothing_and_tells_again_what_holds(api: MemoryEscapeKit) -> None:
    first = await put(api, [WEBHOOK], key="k")
    records = len(api.config.records)
    assert await put(api, [WEBHOOK], key="k") == first
    assert len(api.config.records) == records


async def test_a_set_is_sealed_and_one_from_before_is_still_read(api: MemoryEscapeKit) -> None:
    await put(api, [WEBHOOK, SLACK])
    assert "s3cret" not in repr(api.config.records) + repr(api.log.partitions)
    await api.config.put(SUBSCRIPTIONS, PLACE, {"subscriptions": [WEBHOOK], "keys": {}})
    reply = await api.ask("GET", PATH)
    assert (reply.status, reply.body) == (200, [WEBHOOK])
    (rule,) = await put(api, [WEBHOOK])
    assert rule.revision == 1
    assert (await api.ask("GET", PATH)).body == [WEBHOOK]


async def test_what_could_not_be_told_is_no_success_and_a_repeat_tells_it(api: MemoryEscapeKit) -> None:
    api.log.away = True
    assert (await api.ask("PUT", PATH, [WEBHOOK], key="k")).status == 503
    api.log.away = False
    (rule,) = await put(api, [WEBHOOK], key="k")
    assert rule.id == W
