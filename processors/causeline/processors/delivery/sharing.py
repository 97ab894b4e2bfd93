"""How many attempts of a partition are under way at once, and whose turn is next. Pure values and one queue.

A worker makes its attempts in the order of the log, so whatever is handed out beyond what it can make lies in front of it, past its lease
in the end. The bound follows what is reported back: it grows while reports come soon, and shrinks while they come late, not at all, or say
that the attempt was too old to be sent. How long one waited is told by the log's time alone (handed out → reported, less what it took), so
that no worker's clock makes a queue look shorter. Slow endpoints do not shrink it: what an attempt takes is no queue.
"""

from typing import Final

from causeline.processors.delivery.limits import DeliveryLimits


def waited_ms(lease_until: int, took_ms: int, now: int, limits: DeliveryLimits) -> int:
    """Return how long an attempt lay before a worker and its report before the state: ms of task time."""
    return now - (lease_until - limits.lease_ms) - took_ms


def after_report(bound: int, under_way: int, wait_ms: int, limits: DeliveryLimits) -> int:
    """Return the bound after a report; `under_way` counts the attempt. It grows only where it is used: idle time teaches nothing."""
    if wait_ms > limits.queue_long_ms:
        return after_loss(bound, under_way, limits)
    if wait_ms < limits.queue_short_ms and under_way >= bound // 2:
        return min(bound + 1, limits.under_way_most)
    return bound


def after_loss(bound: int, under_way: int, limits: DeliveryLimits) -> int:
    """Return the bound after an attempt that came late, was not reported, or was not sent: one less than are under way now."""
    return max(min(bound, under_way) - 1, limits.under_way_least)


class Turns:
    """The subscriptions that have something due: tenant by tenant, and the subscriptions of each one after the other."""

    def __init__(self) -> None:
        self._tenants: Final[dict[str, dict[str, None]]] = {}
        self._tenant_of: Final[dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._tenant_of)

    def copy(self) -> "Turns":
        """Return the same turns, to be changed apart."""
        other = Turns()
        other._tenants.update((tenant, line.copy()) for tenant, line in self._tenants.items())
        other._tenant_of.update(self._tenant_of)
        return other

    def put(self, tenant: str, subscription: str) -> None:
        """Let a subscription queue up; it keeps the place that it has."""
        if subscription not in self._tenant_of:
            self._tenants.setdefault(tenant, {})[subscription] = None
            self._tenant_of[subscription] = tenant

    def drop(self, subscription: str) -> None:
        """Let a subscription leave; nothing where it does not queue."""
        tenant = self._tenant_of.pop(subscription, None)
        if tenant is None:
            return
        del self._tenants[tenant][subscription]
        if not self._tenants[tenant]:
            del self._tenants[tenant]

    def next(self) -> str | None:
        """Return whose turn it is, which queues up behind the others of its tenant, as its tenant does; None without any."""
        if not self._tenants:
            return None
        tenant = next(iter(self._tenants))
        line = self._tenants[tenant] = self._tenants.pop(tenant)
        subscription = next(iter(line))
        line[subscription] = line.pop(subscription)
        return subscription
