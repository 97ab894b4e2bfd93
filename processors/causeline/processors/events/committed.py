"""What a partition remembers between rounds: its tables, keys, rules and timers, as the changelog has them.

A restore fills it record by record; a round sees it through overlays (`rounds.py`) and is taken over once it is committed.
"""

from typing import Final

from causeline.processors.events.dedup import Dedup
from causeline.processors.events.state_tables import ClosesTable, EventTable, ProblemTable
from causeline.processors.events.subscription_rules import RuleTable
from causeline.processors.runtime.timers import Timers

_SCHEDULED_AT_ONCE: Final = 10_000
"""Restored problems whose timers are scheduled at once: about 10 ms in which the event loop answers nobody."""


class CommittedEvents:
    """The state of one partition as of the last commit. `now` is task time: the greatest ingest time or tick seen (ms UTC)."""

    def __init__(self, dedup_window_ms: int, partitions: int) -> None:
        self.now = 0
        self.dedup = Dedup(dedup_window_ms)
        self.events = EventTable()
        self.problems = ProblemTable()
        self.closes = ClosesTable()
        self.rules = RuleTable(partitions)
        self.timers = Timers()
        self._unscheduled_keys: dict[bytes, None] = {}

    def load_problem(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record of a problem. Its timers wait a while, since later records may replace this one."""
        self.problems.load(key, value)
        self._unscheduled_keys[key] = None
        if len(self._unscheduled_keys) >= _SCHEDULED_AT_ONCE:
            self.schedule_restored()

    def schedule_restored(self) -> None:
        """Schedule what was restored since the last call."""
        for at, key in self.problems.alarms(self._unscheduled_keys):
            self.timers.schedule(at, key)
        self._unscheduled_keys.clear()
