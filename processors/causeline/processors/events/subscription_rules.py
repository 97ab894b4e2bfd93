"""The subscriptions' rules as state: what is committed, and what one round sees.

A rule applies to the records behind it, in its own round too. A deleted one leaves a marker for as long as the log may hold an older
revision of it, so that one that comes late does not bring it back.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from causeline.processors.events.state import SUBSCRIPTION, RuleState
from causeline.processors.events.state_tables import Overlay
from causeline.processors.events.subscription_index import SubscriptionIndex
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import Filter, Rule

KEPT_GONE_MS: Final = 7 * 86_400_000
"""As long as `causeline.ingest` keeps its records."""

_rules: Final = msgspec.json.Decoder(Rule)


def rule_of(record: IngestRecord) -> Rule:
    """Return the rule that a record of op `subscribe` carries. Raises ValueError where it carries none, or another one than it says."""
    rule = _rules.decode(record.patch)
    if (rule.id, rule.tenant) != (record.id, record.tenant) or not rule.id or rule.revision < 1:
        raise ValueError(f"a rule {rule.id!r} of {rule.tenant!r}, revision {rule.revision}")
    return rule


def rule_state(rule: Rule, now: int) -> RuleState:
    """Return what is remembered of a rule; `now` is task time (ms UTC)."""
    if rule.gone:
        return RuleState(msgspec.structs.replace(rule, name="", where=Filter(), groups=None), now + KEPT_GONE_MS)
    return RuleState(rule)


def subscription_key(rule_id: str) -> bytes:
    """Return the state key of a subscription."""
    return SUBSCRIPTION + rule_id.encode()


class RuleTable:
    """The committed rules of a partition, by state key, and their index."""

    def __init__(self, partitions: int) -> None:
        self.index = SubscriptionIndex(partitions)
        self._states: dict[bytes, RuleState] = {}

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: bytes) -> RuleState | None:
        """Return what is known under a key, None without."""
        return self._states.get(key)

    def put(self, key: bytes, value: RuleState | None) -> None:
        """Set or remove what is known under a key."""
        put_into(self.index, self._states.get(key), value)
        self.hold(key, value)

    def hold(self, key: bytes, value: RuleState | None) -> None:
        """Set or remove what is known under a key, where the index knows it already."""
        if value is None:
            self._states.pop(key, None)
        else:
            self._states[key] = value

    def items(self) -> Iterator[tuple[bytes, RuleState]]:
        """Yield everything that is known with its state key."""
        yield from self._states.items()


class RoundRules(Overlay[RuleState]):
    """The rules as one round sees them. `index` is the committed one until the round changes a rule."""

    def __init__(self, base: RuleTable) -> None:
        super().__init__(base)
        self._table: Final = base
        self.index = base.index

    def put(self, key: bytes, value: RuleState | None) -> None:
        """Set or remove what is known under a key, for the records behind."""
        if not self.changes:
            self.index = self.index.fork()
        put_into(self.index, self.get(key), value)
        super().put(key, value)

    def write(self) -> None:
        """Make the changes in the table."""
        for key, value in self.changes.items():
            self._table.hold(key, value)
        self._table.index = self.index


def put_into(index: SubscriptionIndex, current: RuleState | None, value: RuleState | None) -> None:
    """Let an index follow a change of what is known under one key."""
    if value is not None:
        index.put(value.rule)
    elif current is not None:
        index.drop(current.rule.id)
