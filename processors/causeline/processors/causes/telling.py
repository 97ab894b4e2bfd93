"""From a published ranking to the notifications of whoever asked for it: rules come in from the configuration, records go out.

Whoever publishes a ranking writes what `tell` returns in the same transaction: so a revision that is on the log was told, once. Its times
are the ranking's, so that a revision that is told again is the same bytes under the same delivery ids.

Unlike events and problems, rankings are matched where they are published, by the rules as that process has read them from
`causeline.config`.
"""

from typing import Final, NamedTuple

import msgspec

from causeline.processors.events.subscription_lane import RuleLane
from causeline.schemas import telemetry
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS, ConfigView, Value
from causeline.schemas.records.delivery_work import What, notification, notification_tail
from causeline.schemas.subscriptions.matching import follows_causes, is_told
from causeline.schemas.subscriptions.rules import Rule, held_in
from causeline.schemas.topics import DELIVERIES
from causeline.schemas.wire.glance import of_causes

_CAUSES: Final[What] = "causes"


class ToldRecord(NamedTuple):
    """One record to write: where to, its key and its value."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class CauseTelling:
    """The rules that follow causes, by tenant, and whom they tell. `partitions` is how many each topic has.

    It costs what matches, not what is there: rules of other tenants are not looked at, and those of one tenant lie by what they ask for.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions: Final = partitions
        self._lanes: Final[dict[str, RuleLane]] = {}
        self._rules: Final[dict[tuple[str, str], list[Rule]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def follow(self, view: ConfigView) -> None:
        """Take in what the configuration holds, and what it will hold."""
        for kind in (HOOKS, SUBSCRIPTIONS):
            for key, value in view.all(kind).items():
                self.apply(kind, key, value)
        view.follow(self.apply)

    def apply(self, kind: str, key: str, value: Value | None) -> None:
        """Take in what a key holds now (None: nothing). A value that cannot be read holds no subscription."""
        if kind not in (HOOKS, SUBSCRIPTIONS):
            return
        place = (kind, key)
        for rule in self._rules.pop(place, ()):
            self._drop(rule)
        rules = _following(kind, value)
        if rules:
            self._rules[place] = rules
        for rule in rules:
            self._lanes.setdefault(rule.tenant, RuleLane(self._partitions, _CAUSES)).put(rule)

    def _drop(self, rule: Rule) -> None:
        lane = self._lanes.get(rule.tenant)
        if lane is None or lane.rule(rule.id) is not rule:  # another key holds the subscription by now
            return
        lane.drop(rule.id)
        if not lane:
            del self._lanes[rule.tenant]

    def tell(self, revision: CauseRevision, frame: bytes) -> list[ToldRecord]:
        """Return what tells a revision, whose record is `frame`: a record for each partition, of at most 500 subscriptions.

        A paused subscription is told too: the delivery state keeps what waits for it.
        """
        lane = self._lanes.get(revision.tenant)
        if lane is None or not is_told(revision):
            return []
        places = lane.places(of_causes(revision))
        telemetry.NOTIFICATIONS_MATCHED.labels(_CAUSES).inc(sum(len(place.ids) for place in places))
        ending = notification_tail(revision.computed_at, revision.computed_at)
        return [
            ToldRecord(DELIVERIES, place.partition, place.key, notification(place.beginning, revision.id, revision.revision, frame, ending))
            for place in places
        ]


def _following(kind: str, value: Value | None) -> list[Rule]:
    try:
        subscriptions = held_in(kind, value) if value else []
    except msgspec.ValidationError:
        return []
    return [each.rule for each in subscriptions if follows_causes(each.rule.where) and not each.rule.gone]
