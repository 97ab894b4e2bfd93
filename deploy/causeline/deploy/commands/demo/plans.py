"""What is planned in the demo: changes to come, two of which meet on a service, and a freeze. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from causeline.deploy.commands.demo.fleet import BY_NAME
from causeline.deploy.commands.demo.marks import DemoEvent, DemoRun, make_event
from causeline.query_api.causes.kinds import DAY, HOUR


class _Plan(NamedTuple):
    """A change to come: so many hours from now, for so many."""

    name: str
    kind: str
    service: str
    title: str
    hours: int
    length: int


_PLANS: Final = (
    _Plan("kernel", "operation", "object-store", "New kernel on all nodes of object-store", 5, 3),
    _Plan("cards", "deployment", "card-gateway", "Deploy card-gateway with the new acquirer", 20, 1),
    _Plan("partitions", "migration", "events-warehouse", "events-warehouse: partitions by day", 30, 6),
    _Plan("checkout", "deployment", "checkout", "Deploy checkout with gift cards", 52, 2),
    _Plan("checkout-pool", "config_change", "checkout", "checkout: pool.size from 50 to 100", 53, 1),
    _Plan("bus", "operation", "message-bus", "Upgrade of message-bus, node by node", 100, 8),
)


def tell_plans(run: DemoRun) -> Iterator[DemoEvent]:
    """Yield the plans, told an hour before the run's moment."""
    for plan in _PLANS:
        start = run.at + plan.hours * HOUR
        fields = {**BY_NAME[plan.service].fields, "environment": "production", "status": "planned", "actor": "margaret"}
        yield make_event(run, f"plan/{plan.name}", plan.kind, plan.title, start, start=start, end=start + plan.length * HOUR, **fields)
    start = run.at + 4 * DAY
    fields = {"environment": "production", "status": "planned", "actor": "leslie", "text": "Nothing is deployed while everybody shops."}
    yield make_event(run, "plan/freeze", "freeze", "Freeze of the shop for the sale", start, start=start, end=start + 3 * DAY, **fields)
