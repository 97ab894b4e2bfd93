"""A random walk through everything that may happen to a fleet: records, time, deaths and stops at any step, takeovers, zombies.

The machine knows no logic: a `Subject` says what is produced and what must hold of a partition at any moment and at the end.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, get_args

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from causeline.processors.adapters.memory.broker import CrashPoint, Killed
from causeline.processors.runtime.completeness import Loss
from causeline.processors.runtime.ports import BrokerError, Logic
from tests.counter_logic import OUT, CounterLogic, counted
from tests.unit.processors.events.lifecycle_subject import LifecycleSubject
from tests.unit.processors.runtime.simulation import CHANGELOG, Fleet, Worker

_PARTITIONS = 2
_WORKERS = 3
_PHASES = (Phase.generate, Phase.shrink)


class Subject(Protocol):
    """A logic under test."""

    def logic(self, partition: int) -> Logic: ...

    def record(self, choice: int, serial: int, now_ms: int) -> tuple[int, bytes, bytes]:
        """Return partition, key and value of an input made from a random choice."""
        ...

    def check(self, fleet: Fleet, partition: int) -> None:
        """Assert what holds of a partition at any moment: outputs and state are those of its inputs up to the committed offset."""
        ...

    def check_end(self, fleet: Fleet, partition: int) -> None:
        """Assert what holds when everything has been worked on."""
        ...


class CounterSubject:
    def logic(self, _partition: int) -> Logic:
        return CounterLogic(OUT)

    def record(self, choice: int, serial: int, now_ms: int) -> tuple[int, bytes, bytes]:
        return choice % _PARTITIONS, b"k%d" % (choice % 5), b"%d at %d" % (serial, now_ms)

    def check(self, fleet: Fleet, partition: int) -> None:
        offset = fleet.log.committed_offset(partition)
        expected = counted(key for key, _ in fleet.inputs(partition)[:offset])
        visible = fleet.read(OUT, partition)
        assert visible == expected
        assert fleet.state(partition) == dict(expected)

    def check_end(self, fleet: Fleet, partition: int) -> None:
        assert fleet.read(OUT, partition) == counted(key for key, _ in fleet.inputs(partition))


class RuntimeMachine(RuleBasedStateMachine):
    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self._subject = subject
        self._serial = 0
        self._loop = asyncio.new_event_loop()

    async def _add(self) -> None:
        await self.fleet.add()

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        self._loop.run_until_complete(work)

    def _living(self) -> list[Worker]:
        return [worker for worker in self.fleet.workers if not worker.ended and not worker.faults.stopped]

    def _stopped(self) -> list[Worker]:
        return [worker for worker in self.fleet.workers if not worker.ended and worker.faults.stopped]

    @initialize()
    def begin(self) -> None:
        async def begin() -> None:
            self.fleet = Fleet(self._subject.logic, partitions=_PARTITIONS)
            await self._add()

        self._run(begin())

    @rule(choices=st.lists(st.integers(0, 1_000_000), min_size=3, max_size=10))
    def produce(self, choices: list[int]) -> None:
        async def produce() -> None:
            for choice in choices:
                self._serial += 1
                await self.fleet.produce(*self._subject.record(choice, self._serial, self.fleet.clock.now_ms()))

        self._run(produce())

    @rule(ms=st.sampled_from([50, 150, 1_100, 4_000, 12_000, 70_000]))
    def pass_time(self, ms: int) -> None:
        self._run(self.fleet.pass_time(ms))

    @precondition(lambda self: len(self._living()) + len(self._stopped()) < _WORKERS)
    @rule()
    def start_worker(self) -> None:
        self._run(self._add())

    @precondition(lambda self: self._living())
    @rule(which=st.integers(0, _WORKERS), step=st.sampled_from(get_args(CrashPoint)), times=st.integers(1, 3), dies=st.booleans())
    def plan_a_fault(self, which: int, step: CrashPoint, times: int, dies: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        living = self._living()
        faults = living[which % len(living)].faults
        (faults.kill_at if dies else faults.stop_at)(step, times)

    @precondition(lambda self: self._living())
    @rule(which=st.integers(0, _WORKERS))
    def stop_cleanly(self, which: int) -> None:
        living = self._living()
        living[which % len(living)].runner.stop()
        self._run(self.fleet.pass_time(150))

    @rule()
    def sessions_expire(self) -> None:
        self._run(self.fleet.bury())

    @precondition(lambda self: self._living() and not self._stopped())
    @rule(partition=st.integers(0, _PARTITIONS - 1), loss=st.sampled_from(get_args(Loss)))
    def the_changelog_is_lost(self, partition: int, loss: Loss) -> None:
        self._run(self.fleet.lose(CHANGELOG, partition, loss))

    @rule()
    def rebalance(self) -> None:
        self._run(self.fleet.rebalance())

    @precondition(lambda self: self._stopped())
    @rule(which=st.integers(0, _WORKERS))
    def zombie_goes_on(self, which: int) -> None:
        sleepers = self._stopped()
        self._run(self.fleet.go_on(sleepers[which % len(sleepers)]))

    @invariant()
    def outputs_state_and_offset_agree(self) -> None:
        for partition in range(_PARTITIONS):
            if not self.fleet.log.has_open_transaction(partition):
                self._subject.check(self.fleet, partition)

    @invariant()
    def nothing_but_a_fault_ends_a_worker(self) -> None:
        for worker in self.fleet.workers:
            failure = worker.failure()
            assert failure is None or isinstance(failure, BrokerError), failure
            if failure is not None and not isinstance(failure, Killed):
                assert worker.faults.was_stopped, failure

    def teardown(self) -> None:
        try:
            self._run(self._end())
        finally:
            self._run(self._abandon())
            self._loop.close()

    async def _end(self) -> None:
        await self.fleet.recover()
        for partition in range(_PARTITIONS):
            self._subject.check(self.fleet, partition)
            self._subject.check_end(self.fleet, partition)

    async def _abandon(self) -> None:
        await self.fleet.stop()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class UnfencedMachine(RuntimeMachine):
    async def _add(self) -> None:
        await self.fleet.add_with_own_ids()


def _walk(
    machine: type[RuntimeMachine], subject: Callable[[], Subject], examples: int, phases: Sequence[Phase] = (Phase.generate, Phase.shrink)
) -> None:
    class Machine(machine):  # type: ignore[valid-type, misc]
        def __init__(self) -> None:
            super().__init__(subject())

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_counters_stay_gapless_whatever_happens_to_the_fleet() -> None:
    _walk(RuntimeMachine, CounterSubject, 300)


def test_the_walk_finds_the_fault_of_workers_that_fence_nobody() -> None:
    with pytest.raises(AssertionError):
        _walk(UnfencedMachine, CounterSubject, 150)


def test_events_and_problems_live_gapless_lives_whatever_happens_to_the_fleet() -> None:
    _walk(RuntimeMachine, LifecycleSubject, 120)
