"""The log of rankings in memory, as far as publishing needs it: two topics, one writer a partition, a group that shares them out.

A test may stop or kill a member at each of its steps: what `at_step` raises there is what happens to it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal

from causeline.query_api.publishing.ports import CauseOutput, Displaced, FollowedRecord, LogFailure, Owner
from causeline.schemas.topics import CAUSES, PROBLEMS_CURRENT

WriteStep = Literal["begun", "written", "committed"]


async def _pass(_step: WriteStep) -> None:
    return


class MemoryCauseTopics:
    """The broker: what was written by topic and partition, who may write, who belongs to the group. A read waits for `wait_s` at most."""

    def __init__(self, partitions: int, wait_s: float = 0.5) -> None:
        self.partitions: Final = partitions
        self.wait_s: Final = wait_s
        self.logs: Final[dict[tuple[str, int], list[FollowedRecord]]] = defaultdict(list)
        self.epochs: Final[dict[int, int]] = defaultdict(int)
        self._members: Final[list[Owner]] = []
        self._waiters: Final[set[asyncio.Future[None]]] = set()
        self._rebalancing: Final = asyncio.Lock()

    def append(self, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        """Append a committed record."""
        self.logs[topic, partition].append(FollowedRecord(topic, key, value))
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def compact(self, topic: str, partition: int) -> None:
        """Keep the newest record of each key, without tombstones. Who follows the log must begin anew."""
        newest = {record.key: record for record in self.logs[topic, partition]}
        self.logs[topic, partition] = [record for record in newest.values() if record.value is not None]

    async def wait(self) -> None:
        """Return when something was appended, or after a while."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        await asyncio.wait([waiter], timeout=self.wait_s)
        self._waiters.discard(waiter)

    async def join(self, owner: Owner) -> None:
        """Add a member and share the partitions out anew."""
        self._members.append(owner)
        await self._rebalance()

    async def leave(self, owner: Owner) -> None:
        """Remove a member and share its partitions out."""
        self._members.remove(owner)
        await owner.revoked()
        await self._rebalance()

    async def _rebalance(self) -> None:
        async with self._rebalancing:
            for member in list(self._members):
                await member.revoked()
            members = list(self._members)
            for index, member in enumerate(members):
                member.assigned([p for p in range(self.partitions) if p * len(members) // self.partitions == index])


class MemoryCauseLog:
    """See CauseLog."""

    def __init__(self, topics: MemoryCauseTopics, at_step: Callable[[WriteStep], Awaitable[None]] = _pass) -> None:
        self._topics: Final = topics
        self._at_step: Final = at_step

    async def serve(self, owner: Owner) -> None:
        """See CauseLog."""
        await self._topics.join(owner)
        try:
            await asyncio.Event().wait()
        finally:
            await self._topics.leave(owner)

    async def open(self, partition: int) -> "MemoryCausePartition":
        """See CauseLog."""
        self._topics.epochs[partition] += 1
        return MemoryCausePartition(self._topics, partition, self._at_step)


class MemoryCausePartition:
    """See CausePartition."""

    def __init__(self, topics: MemoryCauseTopics, number: int, at_step: Callable[[WriteStep], Awaitable[None]]) -> None:
        self._topics: Final = topics
        self.number: Final = number
        self._at_step: Final = at_step
        self._epoch: Final = topics.epochs[number]
        self._failure: LogFailure | None = None
        self._positions = {CAUSES: 0, PROBLEMS_CURRENT: 0}
        self._ends = {topic: len(topics.logs[topic, number]) for topic in self._positions}

    @property
    def is_restored(self) -> bool:
        """See CausePartition."""
        return all(self._positions.get(topic, end) >= end for topic, end in self._ends.items())

    async def read(self) -> Sequence[FollowedRecord]:
        """See CausePartition."""
        if self.is_restored:
            self._positions.pop(CAUSES, None)
        if not (records := self._pending()):
            await self._topics.wait()
            records = self._pending()
        if self._failure is not None:
            raise self._failure
        return records

    def _pending(self) -> list[FollowedRecord]:
        records: list[FollowedRecord] = []
        for topic, position in self._positions.items():
            log = self._topics.logs[topic, self.number]
            records += log[position:]
            self._positions[topic] = len(log)
        return records

    async def commit(self, outputs: Sequence[CauseOutput]) -> None:
        """See CausePartition."""
        try:
            await self._step("begun")
            await self._step("written")
            for output in outputs:
                self._topics.append(output.topic, output.partition, output.key, output.value)
            await self._step("committed")
        except LogFailure as failure:
            self._failure = failure
            raise

    async def _step(self, step: WriteStep) -> None:
        await self._at_step(step)
        if self._failure is not None:
            raise self._failure
        if step != "committed" and self._topics.epochs[self.number] != self._epoch:
            raise Displaced(f"partition {self.number} was opened by somebody else")

    async def close(self) -> None:
        """See CausePartition."""
        self._failure = self._failure or LogFailure("closed")
