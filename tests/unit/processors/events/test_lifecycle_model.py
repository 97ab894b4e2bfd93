"""Pushes, clock steps and restarts against the simplest possible oracle: for each key, when it expires and how often it was pushed."""

from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from causeline.schemas.records.problem import Problem
from tests.partition_log import SECOND, T0, Outputs, Partition, push, tick, uuid

KEYS = st.sampled_from(["a", "b", "c"])
TIMEOUTS = st.sampled_from([0, 30 * SECOND, 60 * SECOND, 300 * SECOND])
STEPS = st.one_of(st.integers(-3_600_000, 0), st.integers(0, 70 * SECOND), st.sampled_from([10 * SECOND, 30 * SECOND, 60 * SECOND]))


class Expected:
    """One life of a problem, as a reader of the document would keep it."""

    def __init__(self, number: int, now: int) -> None:
        self.id = uuid(number)
        self.start = now
        self.pushes = 0
        self.expiry: int | None = None


class Lifecycle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.partition = Partition()
        self.partition.feed(tick(T0))
        self.clock = self.now = T0
        self.number = 0
        self.open: dict[str, Expected] = {}
        self.ends: dict[str, int] = {}
        self.published: dict[str, list[Problem]] = {}
        self.versions: dict[str, int] = {}

    def receive(self, outputs: Outputs) -> None:
        for problem in outputs.problems:
            history = self.published.setdefault(problem.id, [])
            assert problem.version == len(history) + 1
            history.append(problem)
        for row in outputs.events:
            assert row.version == self.versions.get(row.id, 0) + 1
            self.versions[row.id] = row.version
            newest = self.published[row.id][row.version - 1]
            assert (row.status, row.deadline, row.end) == (newest.state, newest.deadline, newest.end)

    def reach(self, clock: int) -> None:
        self.clock = clock
        self.now = max(self.now, clock)
        for key, life in list(self.open.items()):
            if life.expiry is not None and life.expiry <= self.now:
                self.ends[life.id] = life.expiry
                del self.open[key]

    @rule(key=KEYS, timeout=TIMEOUTS, step=STEPS)
    def push(self, key: str, timeout: int, step: int) -> None:
        self.number += 1
        self.reach(self.clock + step)
        life = self.open.setdefault(key, Expected(self.number, self.clock))
        life.pushes += 1
        life.expiry = self.now + timeout if timeout else None
        self.receive(self.partition.feed(push(self.number, self.clock, key, timeout)))

    @rule(step=STEPS)
    def tick(self, step: int) -> None:
        self.reach(self.clock + step)
        self.receive(self.partition.feed(tick(self.clock)))

    @rule()
    def restart(self) -> None:
        self.partition.logic = self.partition.restore()

    @invariant()
    def what_is_open_is_what_the_oracle_says(self) -> None:
        newest = {history[-1].id: history[-1] for history in self.published.values()}
        assert {p.id for p in newest.values() if p.state == "open"} == {life.id for life in self.open.values()}
        assert {p.id: p.end for p in newest.values() if p.state == "closed"} == self.ends

    @invariant()
    def what_is_known_is_exact(self) -> None:
        states = self.partition.logic._committed.problems
        problems: dict[str, Any] = {state.problem.id: state.problem for _, state in states.items() if state.is_open}
        for life in self.open.values():
            problem = problems[life.id]
            assert (problem.start, problem.refresh_count, problem.deadline) == (life.start, life.pushes - 1, life.expiry)

    @invariant()
    def refreshes_are_never_more_than_one_in_ten_seconds_unless_the_timeout_changed(self) -> None:
        for history in self.published.values():
            refreshed = [(p.at, (p.deadline or p.last_receipt) - p.last_receipt) for p in history if p.transition == "refreshed"]
            for (before, timeout), (at, changed) in pairwise(refreshed):
                assert at - before >= 10 * SECOND or timeout != changed

    @invariant()
    def no_published_refresh_is_older_than_ten_seconds(self) -> None:
        newest = {history[-1].id: history[-1] for history in self.published.values()}
        for life in self.open.values():
            newest_version = newest[life.id]
            if newest_version.refresh_count != life.pushes - 1:
                assert self.now - newest_version.at < 10 * SECOND


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=400, stateful_step_count=40, deadline=None, derandomize=True)
