"""The transactional runtime: owns the tasks of the partitions that the group gives to this process.

It repairs nothing. Whatever goes wrong (a transaction, a fence, a revocation that does not end in time) makes `run` raise; the process
exits and its supervisor starts another one. A restart takes about a second, and the broker undoes what was not committed.
"""

import asyncio
from collections.abc import Sequence

import structlog

from causeline.processors.runtime.partition import Pace, PartitionProcessor
from causeline.processors.runtime.ports import Broker, BrokerError, Clock, LogicFactory
from causeline.schemas.telemetry import LAG_SECONDS, Stage

_log = structlog.get_logger()


class Runner:
    """Runs the logic on every assigned partition, all partitions at once, one round of each at a time."""

    def __init__(
        self,
        broker: Broker,
        logic_factory: LogicFactory,
        clock: Clock,
        pace: Pace | None = None,
        *,
        revoke_s: float = 10.0,
        stage: Stage = "processors",
    ) -> None:
        """`revoke_s` bounds how long a revocation waits for the rounds in flight; it must stay below the session timeout.

        `stage` names the work in the metrics.
        """
        self._broker = broker
        self._logic_factory = logic_factory
        self._clock = clock
        self._pace = pace or Pace()
        self._revoke_s = revoke_s
        self._stage: Stage = stage
        self._stop = asyncio.Event()
        self._closing = False
        self._partitions: dict[asyncio.Task[None], PartitionProcessor] = {}
        self._group: asyncio.TaskGroup

    def stop(self) -> None:
        """Finish the rounds in flight, close the writers, leave the group; `run` then returns. For SIGTERM."""
        self._stop.set()

    def lag_seconds(self) -> float:
        """Return the age of the oldest record that is not committed on any owned partition."""
        return max((partition.lag_seconds() for partition in self._partitions.values()), default=0.0)

    async def run(self) -> None:
        """Work until `stop`. Raises the first failure of any partition."""
        LAG_SECONDS.labels(self._stage).set_function(self.lag_seconds)
        try:
            async with asyncio.TaskGroup() as self._group:
                await self._broker.start(self)
                await self._stop.wait()
                self._closing = True
                await self.revoked()
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
            _log.error("failed", stage=self._stage, reason=type(first).__name__, detail=str(first))
            raise first from failures
        finally:
            self._closing = True
            await self._broker.stop()

    def assigned(self, partitions: Sequence[int]) -> None:
        """Start the work on these partitions in the background (Listener)."""
        if self._closing:
            return
        _log.info("assigned", stage=self._stage, partitions=sorted(partitions))
        for number in partitions:
            partition = PartitionProcessor(number, self._broker, self._logic_factory, self._clock, self._pace, self._stage)
            self._partitions[self._group.create_task(self._own(partition))] = partition

    async def revoked(self) -> None:
        """End the work on all partitions (Listener). A round that does not end in time ends the run."""
        partitions = dict(self._partitions)
        for partition in partitions.values():
            partition.stop()
        if not partitions:
            return
        _, pending = await asyncio.wait(partitions, timeout=self._revoke_s)
        if pending and not self._closing:
            numbers = sorted(partitions[task].number for task in pending)
            self._group.create_task(
                self._fail(BrokerError(f"partitions {numbers} were still at work {self._revoke_s} s after a revocation"))
            )
        for task in pending:
            task.cancel()
        _log.info("revoked", stage=self._stage, partitions=sorted(partition.number for partition in partitions.values()))
        for task in partitions:
            self._partitions.pop(task, None)

    async def _own(self, partition: PartitionProcessor) -> None:
        try:
            await partition.run()
        except BaseException:
            self._closing = True  # The group of tasks is about to end: it takes no new ones.
            raise

    async def _fail(self, error: BrokerError) -> None:
        self._closing = True
        raise error
