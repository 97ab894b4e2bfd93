"""Which subscriptions ask for a record, in a time that hardly grows with their number.

`schemas.subscriptions.matching` says what a rule takes; this finds the same rules without asking every one (a property test holds the two
equal): by tenant, by what they follow, then as `subscription_lane.py` says.
"""

from typing import Final

from causeline.processors.events.subscription_lane import RuleLane
from causeline.schemas.records.delivery_work import What
from causeline.schemas.subscriptions.matching import follows_problems
from causeline.schemas.subscriptions.rules import Rule

_EVENT: Final[What] = "event"
_PROBLEM: Final[What] = "problem"


class SubscriptionIndex:
    """Rules by tenant. `events` and `problems` hold a lane of each tenant that follows them, and of no other.

    A fork goes its own way and leaves this one as it is; lanes are copied once they are to differ.
    """

    def __init__(self, partitions: int) -> None:
        self.partitions: Final = partitions
        self.events: dict[str, RuleLane] = {}
        self.problems: dict[str, RuleLane] = {}
        self._tenants: dict[str, str] = {}
        self._shared: set[RuleLane] = set()

    def __len__(self) -> int:
        return len(self._tenants)

    def fork(self) -> "SubscriptionIndex":
        """Return one with the same rules that goes its own way, while this one stays as it is."""
        other = SubscriptionIndex(self.partitions)
        other.events, other.problems, other._tenants = dict(self.events), dict(self.problems), dict(self._tenants)
        other._shared = {*self.events.values(), *self.problems.values()}
        return other

    def put(self, rule: Rule) -> None:
        """Add a rule in place of the one with its id; one that is gone only goes."""
        self.drop(rule.id)
        if rule.gone:
            return
        self._tenants[rule.id] = rule.tenant
        if "events" in rule.where.followed:
            self._own(self.events, rule.tenant, _EVENT).put(rule)
        if follows_problems(rule.where):
            self._own(self.problems, rule.tenant, _PROBLEM).put(rule)

    def drop(self, rule_id: str) -> None:
        """Remove a rule; nothing where it is not known."""
        tenant = self._tenants.pop(rule_id, None)
        if tenant is None:
            return
        for lanes, what in ((self.events, _EVENT), (self.problems, _PROBLEM)):
            if tenant in lanes and rule_id in lanes[tenant]:
                self._own(lanes, tenant, what).drop(rule_id)
                if not lanes[tenant]:
                    del lanes[tenant]

    def _own(self, lanes: dict[str, RuleLane], tenant: str, what: What) -> RuleLane:
        """Return the lane of a tenant to change it."""
        lane = lanes.get(tenant)
        if lane is None:
            lane = lanes[tenant] = RuleLane(self.partitions, what)
        elif lane in self._shared:
            lane = lanes[tenant] = lane.fork()
        return lane
