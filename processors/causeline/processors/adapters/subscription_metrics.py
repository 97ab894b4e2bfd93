"""The `causeline_subscription_*` series: read from the state of the partitions of this process whenever they are scraped.

Elsewhere labels never name ids, since a label value is kept for ever. These name subscriptions, and are kept nowhere: a subscription that
is deleted, or a partition that moves to another process, is gone from the next scrape.

The port is public, so where tokens are needed tenants are not named: an id of a subscription tells nothing to who has no token for it, and
its operator finds the tenant by it.
"""

from collections.abc import Callable, Iterator
from typing import Final
from weakref import WeakValueDictionary

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from causeline.processors.delivery.logic import DeliveryLogic
from causeline.processors.delivery.state import DeliveryState

_BREAKER: Final = {"closed": 0, "half_open": 1, "open": 2}
_OF_ONE: Final = ("subscription", "tenant")


class SubscriptionMetrics(Collector):
    """Collects from every logic that it is given, as long as it lives. Runs in the thread of the scrape.

    `label_of` tells what the label `tenant` says of a tenant.
    """

    def __init__(self, now_ms: Callable[[], int], label_of: Callable[[str], str] = str) -> None:
        self._now_ms = now_ms
        self._label_of = label_of
        self._logics: WeakValueDictionary[int, DeliveryLogic] = WeakValueDictionary()

    def watch(self, partition: int, logic: DeliveryLogic) -> DeliveryLogic:
        """Show the subscriptions of a partition's new logic, instead of its last one's; return it."""
        self._logics[partition] = logic
        return logic

    def collect(self) -> Iterator[Metric]:
        """Yield the series of every subscription that exists."""
        attempts = CounterMetricFamily(
            "causeline_subscription_attempts", "Attempts to deliver, by outcome: delivered, retried, dead.", labels=(*_OF_ONE, "outcome")
        )
        waiting = GaugeMetricFamily("causeline_subscription_waiting", "Notifications that wait, in memory and in the log.", labels=_OF_ONE)
        oldest = GaugeMetricFamily("causeline_subscription_oldest_seconds", "Age of the oldest of them, 0 without one.", labels=_OF_ONE)
        breaker = GaugeMetricFamily("causeline_subscription_breaker", "0 closed, 1 half open, 2 open.", labels=_OF_ONE)
        disabled = GaugeMetricFamily("causeline_subscription_disabled", "1 where the endpoint is gone for good.", labels=_OF_ONE)
        now = self._now_ms()
        for subscription, delivery in self._states():
            if delivery.rule is None or delivery.rule.gone:
                continue
            labels = (subscription, self._label_of(delivery.rule.tenant))
            course = delivery.course
            attempts.add_metric((*labels, "delivered"), course.delivered)
            attempts.add_metric((*labels, "retried"), course.retries)
            attempts.add_metric((*labels, "dead"), course.dead)
            waiting.add_metric(labels, len(delivery.waiting) + course.deferred)
            since = delivery.oldest
            oldest.add_metric(labels, 0 if since is None else max(0, now - since) / 1_000)
            breaker.add_metric(labels, _BREAKER[course.breaker.state])
            disabled.add_metric(labels, bool(course.disabled))
        yield from (attempts, waiting, oldest, breaker, disabled)

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not read the state."""
        return []

    def _states(self) -> Iterator[tuple[str, DeliveryState]]:
        for logic in list(self._logics.values()):
            yield from logic.subscriptions()
