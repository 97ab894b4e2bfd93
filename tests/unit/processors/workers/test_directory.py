import asyncio

import msgspec

from causeline.processors.workers.directory import KnownSubscriptions
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS, TOKENS, ConfigView, config_record
from causeline.schemas.subscriptions.rules import Subscription
from tests import patience
from tests.delivery_state import T0, webhook


def config() -> tuple[ConfigView, KnownSubscriptions]:
    view, subscriptions = ConfigView(), KnownSubscriptions(wait_s=0.0)
    view.follow(subscriptions.apply)
    return view, subscriptions


def value(*hooks: Subscription) -> dict[str, object]:
    return {"hooks": msgspec.to_builtins(list(hooks))}


async def test_a_subscription_is_known_until_it_is_taken_away() -> None:
    view, subscriptions = config()
    subscription = webhook("a", "https://x/")
    view.apply(config_record(HOOKS, "t/a", msgspec.to_builtins(subscription), T0))
    assert await subscriptions.find("a", 1) == subscription
    assert await subscriptions.find("a", 2) is None
    view.apply(config_record(HOOKS, "t/a", None, T0))
    assert await subscriptions.find("a", 1) is None


async def test_a_set_of_a_project_replaces_the_one_before() -> None:
    view, subscriptions = config()
    a, b, c = (webhook(name, "https://x/") for name in "abc")
    view.apply(config_record(SUBSCRIPTIONS, "t/p", value(a, b), T0))
    view.apply(config_record(SUBSCRIPTIONS, "t/p", value(b, c), T0))
    assert [await subscriptions.find(name, 1) for name in "abc"] == [None, b, c]


async def test_what_is_no_subscription_is_let_be() -> None:
    view, subscriptions = config()
    view.apply(config_record(TOKENS, "x", {"rule": 1}, T0))
    view.apply(config_record(HOOKS, "t/a", {"rule": 1}, T0))
    assert await subscriptions.find("a", 1) is None


async def test_a_subscription_that_comes_a_moment_later_is_waited_for() -> None:
    subscriptions = KnownSubscriptions(wait_s=20.0)
    subscription = webhook("a", "https://x/")
    asking = asyncio.create_task(subscriptions.find("a", 1))
    await patience.turn()
    subscriptions.apply(HOOKS, "t/a", msgspec.to_builtins(subscription))
    assert await asking == subscription
