"""A fleet of real Runners on the in-memory broker, stepped by hand: whatever may run runs until nothing moves, then the test goes on."""

import asyncio
from collections.abc import Callable

from causeline.processors.adapters.kafka.broker import transactional_ids
from causeline.processors.adapters.memory.broker import CrashPoint, Killed, MemoryBroker
from causeline.processors.adapters.memory.log import TRANSACTION_MS, ManualClock, MemoryLog
from causeline.processors.runtime.completeness import STANDING_KEY, Loss
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.ports import LogicFactory
from causeline.processors.runtime.runner import Runner
from tests import patience

INPUT, CHANGELOG = "input", "changelog"
_QUIET_TURNS = 25


class Faults:
    """Where a worker dies or stops: at the n-th time that it reaches a step from now on."""

    def __init__(self) -> None:
        self.broker: MemoryBroker
        self._plan: tuple[CrashPoint, int, bool] | None = None
        self._going = asyncio.Event()
        self._going.set()
        self.was_stopped = False

    def kill_at(self, step: CrashPoint, times: int = 1) -> None:
        self._plan = (step, times, True)

    def stop_at(self, step: CrashPoint, times: int = 1) -> None:
        self._plan = (step, times, False)

    def forget(self) -> None:
        """Plan nothing any more."""
        self._plan = None

    def go_on(self) -> None:
        self.broker.reachable = True
        self._going.set()

    @property
    def stopped(self) -> bool:
        return not self._going.is_set()

    async def __call__(self, step: CrashPoint) -> None:
        if self._plan is not None and self._plan[0] == step:
            _, times, dies = self._plan
            self._plan = (step, times - 1, dies) if times > 1 else None
            if self._plan is None:
                if dies:
                    raise Killed(step)
                self.broker.fall_silent()
                self.was_stopped = True
                self._going.clear()
        await self._going.wait()


class Worker:
    """One process: a group member with its runner."""

    def __init__(self, log: MemoryLog, logic: LogicFactory, transactional_id: Callable[[int], str], pace: Pace, revoke_s: float) -> None:
        self.faults = Faults()
        self.broker = self.faults.broker = MemoryBroker(log, transactional_id=transactional_id, at_step=self.faults)
        self.runner = Runner(self.broker, logic, log.clock, pace, revoke_s=revoke_s)
        self.task = asyncio.create_task(self.runner.run())

    @property
    def ended(self) -> bool:
        return self.task.done() or self.broker.dead  # one without partitions does not meet its own death

    def failure(self) -> BaseException | None:
        """Return what ended the worker, None while it runs or after a clean stop."""
        return self.task.exception() if self.task.done() else None


class Fleet:
    """Workers over one log. Every method lets the loop run until nothing moves."""

    def __init__(
        self,
        logic: LogicFactory,
        *,
        partitions: int = 2,
        pace: Pace | None = None,
        revoke_s: float = 10.0,
        input_topic: str = INPUT,
    ) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(self.clock, partitions=partitions, input_topic=input_topic, changelog_topic=CHANGELOG)
        self.workers: list[Worker] = []
        self._logic = logic
        self._pace = pace or Pace(max_records=3)
        self._revoke_s = revoke_s

    async def add_with_own_ids(self) -> Worker:
        """Add a worker whose transactional ids are its own: it fences nobody. The negative control."""
        number = len(self.workers)
        return await self.add(lambda partition: f"worker-{number}-{partition}")

    async def add(self, transactional_id: Callable[[int], str] | None = None) -> Worker:
        worker = Worker(self.log, self._logic, transactional_id or transactional_ids("app"), self._pace, self._revoke_s)
        self.workers.append(worker)
        await self.settle()
        return worker

    async def produce(self, partition: int, key: bytes, value: bytes = b"") -> None:
        self.log.append(INPUT, partition, key, value)
        await self.settle()

    async def pass_time(self, ms: int) -> None:
        self.clock.advance(ms)
        self.log.wake()
        await self.settle()

    async def lose(self, topic: str, partition: int, loss: Loss) -> None:
        """Let every worker die and a part of a log be lost; then start one that finds it so."""
        for worker in self.workers:
            if not worker.ended:
                worker.broker.kill()
        await self.bury()
        await self.pass_time(TRANSACTION_MS + 1)
        end = self.log.end(topic, partition)
        if loss == "changelog_head_lost":
            self.log.delete_before(topic, partition, end // 2 + 1)
        else:
            self.log.lose_from(topic, partition, 0 if loss == "changelog_empty" else end // 2)
        await self.add()
        for _ in range(6):
            await self.pass_time(100)

    async def bury(self) -> None:
        """Expire the sessions of the workers that died or do not answer."""
        for worker in self.workers:
            if worker.broker.reachable:
                continue
            await self.log.leave(worker.broker)
        await self.settle()

    async def go_on(self, worker: Worker) -> None:
        """Let a stopped worker go on as if nothing had happened; then its next heartbeat tells it otherwise."""
        worker.faults.go_on()
        await self.settle()
        if not worker.ended:
            if self.log.holds(worker.broker):
                await self.log.rebalance()
            else:
                await self.log.join(worker.broker)
        await self.settle()

    async def rebalance(self) -> None:
        await self.log.rebalance()
        await self.settle()

    async def recover(self) -> None:
        """Bring everything back: no worker is stopped, none is dead, every record has been worked on."""
        for worker in self.workers:
            worker.faults.forget()
        for worker in list(self.workers):
            if worker.faults.stopped:
                await self.go_on(worker)
        await self.bury()
        if all(worker.ended for worker in self.workers):
            await self.add()
        for _ in range(4):
            await self.pass_time(200)

    async def stop(self) -> None:
        """End all workers and look at what ended them, so that no failure is lost."""
        for worker in self.workers:
            worker.faults.forget()
            worker.faults.go_on()
            worker.runner.stop()
        await self.pass_time(200)
        await asyncio.wait([worker.task for worker in self.workers])
        for worker in self.workers:
            worker.failure()
            assert worker.broker.late_fetches == 0, "a fetch was begun during a revocation, which waits for it"

    async def settle(self) -> None:
        """Let the loop turn until the log has not grown for a while."""
        quiet = 0
        before = self.log.size()
        while quiet < _QUIET_TURNS:
            await patience.turn()
            after = self.log.size()
            quiet = quiet + 1 if after == before else 0
            before = after

    # What can be seen from outside

    def inputs(self, partition: int) -> list[tuple[bytes, bytes]]:
        return [(entry.key or b"", entry.value or b"") for entry in self.log.committed_entries(INPUT, partition)]

    def state(self, partition: int) -> dict[bytes, bytes | None]:
        """Return the newest changelog value of each of the logic's keys."""
        return {key: value for key, value in self.read(CHANGELOG, partition) if key != STANDING_KEY}

    def read(self, topic: str, partition: int) -> list[tuple[bytes, bytes | None]]:
        return [(entry.key or b"", entry.value) for entry in self.log.committed_entries(topic, partition)]
