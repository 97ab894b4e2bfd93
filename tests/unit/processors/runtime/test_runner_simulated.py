"""The real Runner on the in-memory broker: what is lost or doubled when a process dies, stops or goes on at a given step."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import get_args

import pytest

from causeline.processors.adapters.memory.broker import CrashPoint, Killed
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.ports import BrokerError, Fenced, Input, Output, Round
from tests.counter_logic import OUT, CounterLogic, counted
from tests.unit.processors.runtime.simulation import INPUT, Fleet

STEPS: tuple[CrashPoint, ...] = get_args(CrashPoint)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    fleet = Fleet(lambda _: CounterLogic())
    yield fleet
    await fleet.stop()


async def _feed(fleet: Fleet, keys: str) -> None:
    for key in keys:
        await fleet.produce(ord(key) % 2, key.encode())


def _complete(fleet: Fleet) -> None:
    for partition in range(2):
        assert fleet.read(OUT, partition) == counted(key for key, _ in fleet.inputs(partition))


async def test_every_record_is_counted_once(fleet: Fleet) -> None:
    await fleet.add()
    await _feed(fleet, "abcabbcaaad")
    _complete(fleet)
    assert fleet.read(OUT, 1) == [(b"a", b"1"), (b"c", b"1"), (b"a", b"2"), (b"c", b"2"), (b"a", b"3"), (b"a", b"4"), (b"a", b"5")]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", STEPS)
async def test_a_process_that_dies_at_a_step_loses_and_doubles_nothing(fleet: Fleet, step: CrashPoint, times: int) -> None:
    worker = await fleet.add()
    await _feed(fleet, "abab")
    worker.faults.kill_at(step, times)
    if step == "opened":  # Reached at an assignment only.
        await fleet.log.rebalance()
    await _feed(fleet, "abcdcd")
    await fleet.pass_time(1_200)  # Idle for long enough to reach the tick.
    await fleet.pass_time(1_200)
    assert isinstance(worker.failure(), Killed)
    await fleet.recover()
    _complete(fleet)


@pytest.mark.parametrize("step", STEPS)
async def test_a_process_that_goes_on_after_another_took_over_does_no_harm(fleet: Fleet, step: CrashPoint) -> None:
    zombie = await fleet.add()
    await _feed(fleet, "abab")
    zombie.faults.stop_at(step)
    if step == "opened":
        await fleet.log.rebalance()
    await _feed(fleet, "abcd")
    await fleet.pass_time(1_200)
    assert zombie.faults.stopped
    await fleet.add()
    await fleet.bury()
    await _feed(fleet, "abcd")
    _complete(fleet)
    await fleet.go_on(zombie)
    await _feed(fleet, "abcd")
    await fleet.recover()
    _complete(fleet)
    if step in {"begun", "sent", "offsets"}:
        assert isinstance(zombie.failure(), Fenced)


async def test_transactional_ids_that_fence_nobody_are_caught_by_the_same_check(fleet: Fleet) -> None:
    zombie = await fleet.add_with_own_ids()
    await _feed(fleet, "abab")
    zombie.faults.stop_at("offsets")
    await _feed(fleet, "ab")
    await fleet.add_with_own_ids()
    await fleet.bury()
    await fleet.go_on(zombie)
    await _feed(fleet, "ab")
    await fleet.pass_time(20_000)
    await fleet.recover()
    with pytest.raises(AssertionError):
        _complete(fleet)


async def test_partitions_are_shared_and_handed_over_without_loss(fleet: Fleet) -> None:
    first = await fleet.add()
    await _feed(fleet, "abcd")
    second = await fleet.add()
    await _feed(fleet, "abcd")
    first.runner.stop()
    await fleet.pass_time(200)
    assert first.task.done()
    assert first.failure() is None
    await _feed(fleet, "abcd")
    _complete(fleet)
    assert not second.ended


async def test_state_of_a_new_owner_is_what_was_committed(fleet: Fleet) -> None:
    worker = await fleet.add()
    await _feed(fleet, "aaa")
    worker.faults.kill_at("sent")
    await _feed(fleet, "aa")
    restored = CounterLogic()
    for key, value in fleet.state(1).items():
        restored.restore(key, value)
    assert restored.fold([Input(1, 9, b"a", b"")]).out == [Output(OUT, b"a", b"4")]


async def test_a_tick_is_appended_after_a_second_without_a_record_and_only_then(fleet: Fleet) -> None:
    await fleet.add()
    await fleet.pass_time(900)
    await fleet.produce(0, b"a")
    await fleet.pass_time(200)
    assert [key for key, _ in fleet.inputs(0)] == [b"a"]
    assert [key for key, _ in fleet.inputs(1)] == [b"tick"]
    await fleet.pass_time(900)
    assert fleet.inputs(0) == [(b"a", b""), (b"tick", b"%d" % fleet.clock.now_ms())]


async def test_ticks_keep_the_committed_offset_moving_even_when_the_wall_clock_steps_back(fleet: Fleet) -> None:
    await fleet.add()
    fleet.clock.step_back(3_600_000)
    for _ in range(3):
        before = fleet.log.committed_offset(0)
        await fleet.pass_time(1_000)
        await fleet.pass_time(100)
        assert fleet.log.committed_offset(0) == before + 1


async def test_a_record_that_came_in_a_transaction_is_passed_to_its_end_at_once() -> None:
    class PassesOn(CounterLogic):
        def fold(self, inputs: Sequence[Input]) -> Round:
            step = super().fold(inputs)
            on = [Output(INPUT, b"on", b"", 1) for record in inputs if record.key == b"a"]
            return Round([*step.out, *on], step.changes, step.report)

    fleet = Fleet(lambda _: PassesOn(), pace=Pace(max_records=3, tick_s=60))
    await fleet.add()
    await fleet.produce(0, b"a")
    await fleet.pass_time(100)  # as long as a fetch waits for more
    assert [key for key, _ in fleet.inputs(1)] == [b"on", b"tick"]  # one, though the marker is seen at each look
    assert fleet.log.committed_offset(1) == fleet.log.end(INPUT, 1)
    await fleet.stop()


async def test_a_round_takes_at_most_its_maximum() -> None:
    sizes: list[int] = []

    class Measured(CounterLogic):
        def fold(self, inputs: Sequence[Input]) -> Round:
            sizes.append(len(inputs))
            return super().fold(inputs)

    small = Fleet(lambda _: Measured(), pace=Pace(max_records=3))
    for _ in range(8):
        small.log.append(INPUT, 0, b"a", b"")
    await small.add()
    assert sizes == [3, 3, 2]
    await small.stop()


async def test_a_partition_that_keeps_up_rests_between_rounds_and_one_that_does_not_goes_on() -> None:
    sizes: list[int] = []

    class Measured(CounterLogic):
        def fold(self, inputs: Sequence[Input]) -> Round:
            sizes.append(len(inputs))
            return super().fold(inputs)

    resting = Fleet(lambda _: Measured(), pace=Pace(max_records=3, rest_ms=100))
    for _ in range(5):
        resting.log.append(INPUT, 0, b"a", b"")
    await resting.add()
    assert sizes == [3, 2]
    await resting.produce(0, b"a")
    await resting.pass_time(99)
    await resting.produce(0, b"a")
    assert sizes == [3, 2]
    await resting.pass_time(1)
    assert sizes == [3, 2, 2]
    await resting.pass_time(100)
    await resting.produce(0, b"a")
    assert sizes == [3, 2, 2, 1]
    await resting.stop()


async def test_a_partition_where_little_comes_hardly_rests() -> None:
    sizes: list[int] = []

    class Measured(CounterLogic):
        def fold(self, inputs: Sequence[Input]) -> Round:
            sizes.append(len(inputs))
            return super().fold(inputs)

    calm = Fleet(lambda _: Measured(), pace=Pace(rest_ms=100, busy_per_s=500, tick_s=60))
    await calm.add()
    for _ in range(5):  # 25 records a second: a rest of 5 ms
        await calm.pass_time(40)
        await calm.produce(0, b"a")
    assert sizes == [1] * 5
    await calm.produce(0, b"a")
    assert sizes == [1] * 5
    await calm.pass_time(6)
    assert sizes == [1] * 6
    await calm.stop()


async def test_a_dead_worker_without_partitions_has_ended(fleet: Fleet) -> None:
    workers = [await fleet.add() for _ in range(3)]
    for worker in workers:
        worker.broker.kill()
    assert all(worker.ended for worker in workers)
    await fleet.recover()
    await fleet.produce(0, b"a")
    await fleet.pass_time(100)
    assert fleet.read(OUT, 0) == [(b"a", b"1")]


async def test_the_lag_is_the_age_of_the_oldest_record_that_is_not_committed(fleet: Fleet) -> None:
    worker = await fleet.add()
    await fleet.produce(0, b"a")
    worker.faults.stop_at("sent")
    await fleet.produce(0, b"a")
    fleet.clock.advance(7_000)
    assert worker.runner.lag_seconds() == 7.0
    await fleet.go_on(worker)
    await fleet.pass_time(100)
    assert worker.runner.lag_seconds() == 0.0


async def test_a_partition_that_rests_gives_way_to_a_revocation_at_once() -> None:
    resting = Fleet(lambda _: CounterLogic(), pace=Pace(max_records=3, rest_ms=60_000), revoke_s=0.05)
    first = await resting.add()
    await _feed(resting, "ab")  # Both partitions rest now, and the clock stands still.
    second = await resting.add()
    assert not first.ended, first.failure()
    assert not second.ended, second.failure()
    await _feed(resting, "ab")
    await resting.pass_time(60_000)
    _complete(resting)
    await resting.stop()


async def test_a_partition_that_is_being_taken_over_gives_way_to_a_revocation_at_once() -> None:
    fleet = Fleet(lambda _: CounterLogic(), revoke_s=0.05)
    worker = await fleet.add()
    release = asyncio.Event()

    async def slow(step: CrashPoint) -> None:
        if step == "opened":
            await release.wait()

    worker.broker.at_step = slow
    await fleet.rebalance()
    await fleet.rebalance()
    assert not worker.ended, worker.failure()
    release.set()
    await fleet.settle()
    await _feed(fleet, "ab")
    _complete(fleet)
    await fleet.stop()


async def test_a_round_that_outlasts_its_revocation_ends_the_run() -> None:
    fleet = Fleet(lambda _: CounterLogic(), revoke_s=0.01)
    worker = await fleet.add()
    worker.faults.stop_at("sent")
    await fleet.produce(0, b"a")
    await worker.runner.revoked()
    await fleet.settle()
    assert isinstance(worker.failure(), BrokerError)
    await fleet.stop()
