"""The tasks of publishing over the log in memory: servers that come, go and share, and one that is stopped."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from causeline.query_api.adapters.memory.cause_log import MemoryCauseLog, MemoryCauseTopics
from causeline.query_api.publishing.ports import CauseLog, LogFailure, Owner
from causeline.query_api.publishing.serving import Publishing
from tests import patience
from tests.publishing import Fleet, Server


class Ticks:
    """The wall clock of a fleet; who sleeps has a turn later."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def now_ms(self) -> int:
        return self._fleet.clock.now

    async def sleep(self, seconds: float) -> None:
        await patience.lasting(seconds / 100, "the tasks' own pace, a hundred times as fast")


def new_fleet() -> Fleet:
    fleet = Fleet()
    fleet.topics = MemoryCauseTopics(2, wait_s=0.02)
    return fleet


@asynccontextmanager
async def serving(fleet: Fleet, log: CauseLog | None = None) -> AsyncIterator[Publishing]:
    publishing = Publishing(log or MemoryCauseLog(fleet.topics), Server(fleet).publisher, Ticks(fleet))
    running = asyncio.create_task(publishing.run())
    yield publishing
    publishing.stop()
    await running


async def test_a_problem_that_opens_while_it_runs_is_published_and_stopping_leaves_no_task() -> None:
    fleet, before = new_fleet(), asyncio.all_tasks()
    async with serving(fleet):
        problem = fleet.open()
        await patience.holds(lambda: fleet.occasions(problem.id) == ["opened"])
        fleet.close(problem)
        await patience.holds(lambda: fleet.occasions(problem.id) == ["opened", "closed"])
    assert asyncio.all_tasks() == before


async def test_servers_share_the_partitions_and_one_that_leaves_is_followed_without_gap_or_repeat() -> None:
    fleet = new_fleet()
    async with serving(fleet):
        problems = [fleet.open() for _ in range(10)]
        await patience.holds(lambda: all(fleet.occasions(problem.id) == ["opened"] for problem in problems))
        async with serving(fleet):
            problems += [fleet.open() for _ in range(10)]
            await patience.holds(lambda: all(fleet.occasions(problem.id) == ["opened"] for problem in problems))
        for problem in problems:
            fleet.close(problem)
        await patience.holds(lambda: all(fleet.occasions(problem.id) == ["opened", "closed"] for problem in problems))


async def test_a_change_that_comes_in_late_is_looked_for() -> None:
    fleet = new_fleet()
    async with serving(fleet):
        problem = fleet.open()
        await patience.holds(lambda: fleet.occasions(problem.id) == ["opened"])
        fleet.clock.now += 20_000
        fleet.change(before=60_000)
        await patience.holds(lambda: fleet.occasions(problem.id) == ["opened", "changes"])


class Failing(MemoryCauseLog):
    """A log whose first uses fail."""

    failures = 3

    def fail(self) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise LogFailure("away")

    async def serve(self, owner: Owner) -> None:
        self.fail()
        await super().serve(owner)


async def test_a_log_that_is_away_is_asked_again() -> None:
    fleet = new_fleet()
    log = Failing(fleet.topics)
    async with serving(fleet, log):
        problem = fleet.open()
        await patience.holds(lambda: fleet.occasions(problem.id) == ["opened"])
    assert log.failures < 0


async def test_a_partition_whose_transaction_failed_is_opened_again() -> None:
    fleet, steps = new_fleet(), []

    async def at_step(step: str) -> None:
        steps.append(step)
        if len(steps) <= 2:
            raise LogFailure("the broker went away")

    async with serving(fleet, MemoryCauseLog(fleet.topics, at_step)):
        problem = fleet.open()
        await patience.holds(lambda: fleet.occasions(problem.id) == ["opened"])
    assert fleet.topics.epochs[fleet.partition(problem.id)] == 3
