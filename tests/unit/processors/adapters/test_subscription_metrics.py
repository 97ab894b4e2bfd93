from prometheus_client import CollectorRegistry, generate_latest

from causeline.processors.adapters.subscription_metrics import SubscriptionMetrics
from causeline.processors.delivery.limits import DeliveryLimits
from tests.unit.processors.delivery.delivery_desk import SECOND, Desk, S, a_rule

LABELS = {"subscription": S, "tenant": "acme"}


def _watched(desk: Desk) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = SubscriptionMetrics(lambda: desk.now)
    metrics.watch(0, desk.logic)
    registry.register(metrics)
    return registry


def _shown(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"causeline_subscription_{name}", LABELS | labels)


def test_every_subscription_that_exists_is_shown_as_it_is_now() -> None:
    desk = Desk(DeliveryLimits(breaker_failures=2))
    desk.set_up()
    registry = _watched(desk)
    (first,) = desk.notify("a")
    desk.report(first)
    for attempt in desk.notify("b", "c"):
        desk.report(attempt, "failed")
    desk.now += 7 * SECOND
    assert _shown(registry, "attempts_total", outcome="delivered") == 1
    assert _shown(registry, "attempts_total", outcome="retried") == 2
    assert _shown(registry, "attempts_total", outcome="dead") == 0
    assert _shown(registry, "waiting") == 2
    assert _shown(registry, "oldest_seconds") == 7
    assert _shown(registry, "breaker") == 2
    assert _shown(registry, "disabled") == 0


def test_a_deleted_subscription_is_shown_no_more() -> None:
    desk = Desk()
    desk.set_up()
    registry = _watched(desk)
    assert _shown(registry, "waiting") == 0
    desk.set_up(a_rule(2, gone=True))
    assert _shown(registry, "waiting") is None


def test_a_partition_that_moved_away_is_shown_no_more() -> None:
    desk = Desk()
    desk.set_up()
    registry = _watched(desk)
    desk.restart()
    assert _shown(registry, "waiting") is None


def test_where_tokens_are_needed_no_tenant_is_named() -> None:
    desk = Desk()
    desk.set_up()
    registry = CollectorRegistry()
    metrics = SubscriptionMetrics(lambda: desk.now, lambda _: "")
    metrics.watch(0, desk.logic)
    registry.register(metrics)
    assert _shown(registry, "waiting") is None
    assert _shown(registry, "waiting", tenant="") == 0
    assert "acme" not in generate_latest(registry).decode()
