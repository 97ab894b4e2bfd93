"""The processors' Broker in memory: one member on a `MemoryLog`, whose every step a test can stop or break.

What the law only forgives it counts: a fetch that is begun during a revocation (`late_fetches`) ends at once, but a client that is asked
for one waits for the next assignment, so whoever owns a partition must begin none.

A killed member does nothing more, not even on its way out; one that does not answer goes on later with what it believed before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Literal

from causeline.processors.adapters.memory.log import MemoryLog
from causeline.processors.runtime.ports import BrokerError, ChangelogRecord, FetchedRecords, FirstOffsets, Input, Listener, Output

CrashPoint = Literal["opened", "fetched", "begun", "sent", "offsets", "committed", "ticked"]
"""The places where a process may die, or be stopped and go on."""

CrashHook = Callable[[CrashPoint], Awaitable[None]]


class Killed(BrokerError):
    """This process is dead: nothing that it still tries has an effect."""


async def _go_on(_step: CrashPoint) -> None:
    return


class MemoryBroker:
    """One group member (see the port for the obligations). `at_step` is awaited after each step; what it raises kills the member."""

    def __init__(self, log: MemoryLog, *, transactional_id: Callable[[int], str] | None = None, at_step: CrashHook = _go_on) -> None:
        self.log = log
        self.listener: Listener | None = None
        self.reachable = True
        self.dead = False
        self.late_fetches = 0
        self._is_revoking = False
        self._transactional_id = transactional_id or (lambda partition: f"causeline-{partition}")
        self.at_step = at_step
        self._assigned: set[int] = set()

    async def start(self, listener: Listener) -> None:
        """See Broker."""
        self.listener = listener
        await self.log.join(self)

    async def open(self, partition: int) -> "MemoryTransactions":
        """See Broker."""
        self.check_alive()
        transactional_id = self._transactional_id(partition)
        epoch = self.log.register(transactional_id)
        await self.reach("opened")
        return MemoryTransactions(self, transactional_id, epoch, partition)

    async def committed(self, partition: int) -> int:
        """See Broker."""
        self.check_alive()
        return max(self.log.start(self.log.input_topic, partition), self.log.committed_offset(partition))

    async def starts(self, partition: int) -> FirstOffsets:
        """See Broker."""
        self.check_alive()
        return FirstOffsets(self.log.start(self.log.input_topic, partition), self.log.start(self.log.changelog_topic, partition))

    @property
    def changelog_topic(self) -> str:
        """See Broker."""
        return self.log.changelog_topic

    async def changelog(self, partition: int) -> AsyncIterator[Sequence[ChangelogRecord]]:
        """See Broker."""
        self.check_alive()
        entries = self.log.committed_entries(self.log.changelog_topic, partition)
        yield [ChangelogRecord(entry.offset, entry.key or b"", entry.value) for entry in entries]

    async def fetch(self, partition: int, position: int, max_records: int, wait_ms: int) -> FetchedRecords:
        """See Broker."""
        self.late_fetches += self._is_revoking
        until = self.log.clock.monotonic() + wait_ms / 1_000
        await asyncio.sleep(0)  # Whoever asks again and again lets the others have their turn.
        while True:
            self.check_alive()
            records = self._read(partition, position, max_records)
            if records.inputs or partition not in self._assigned or self.log.clock.monotonic() >= until:
                await self.reach("fetched")
                return records
            await self.log.wait_for_change()

    def _read(self, partition: int, position: int, max_records: int) -> FetchedRecords:
        if partition not in self._assigned:
            return FetchedRecords([], 0, caught_up=False)
        topic = self.log.input_topic
        entries = list(islice(self.log.committed_entries(topic, partition, position), max_records))
        inputs = [Input(partition, entry.offset, entry.key or b"", entry.value or b"") for entry in entries]
        next_position = entries[-1].offset + 1 if entries else position
        caught_up = self.log.is_end(topic, partition, next_position)
        return FetchedRecords(
            inputs, entries[0].at_ms if entries else 0, caught_up, has_marker=caught_up and self.log.end(topic, partition) > next_position
        )

    async def append(self, partition: int, key: bytes, value: bytes) -> None:
        """See Broker."""
        self.check_alive()
        self.log.append(self.log.input_topic, partition, key, value)
        await self.reach("ticked")

    async def stop(self) -> None:
        """See Broker."""
        self.listener = None
        if not self.dead:
            await self.log.leave(self)

    def kill(self) -> None:
        """Die here and now (SIGKILL). The group notices when the session has expired: `MemoryLog.leave`."""
        self.dead = True
        self.fall_silent()

    def fall_silent(self) -> None:
        """Answer the group no more (SIGSTOP; the steps are held by the test's hook)."""
        self.reachable = False
        self.log.wake()

    def check_alive(self) -> None:
        """Raise Killed in a dead process."""
        if self.dead:
            raise Killed("the process is dead")

    async def reach(self, step: CrashPoint) -> None:
        """Stop at a step as the test wants it. Raises Killed where it wants the process dead."""
        try:
            await self.at_step(step)
        except Killed:
            self.kill()
            raise
        self.check_alive()

    def unassign(self) -> None:
        """See Member."""
        self._assigned = set()
        self._is_revoking = True

    def assign(self, partitions: list[int]) -> None:
        """See Member."""
        self._assigned = set(partitions)
        self._is_revoking = False


class MemoryTransactions:
    """Transactions of one epoch (see the port for the obligations)."""

    def __init__(self, member: MemoryBroker, transactional_id: str, epoch: int, partition: int) -> None:
        self._member = member
        self._id = transactional_id
        self._epoch = epoch
        self._partition = partition

    async def commit(self, out: Sequence[Output], changes: Mapping[bytes, bytes | None], position: int) -> None:
        """See Transactions."""
        member, log = self._member, self._member.log
        member.check_alive()
        log.begin(self._id, self._epoch)
        await member.reach("begun")
        for topic, key, value, partition in out:
            log.write((self._id, self._epoch), topic, self._partition if partition is None else partition, key, value)
        for key, value in changes.items():
            log.write((self._id, self._epoch), log.changelog_topic, self._partition, key, value)
        await member.reach("sent")
        log.write_offset(self._id, self._epoch, self._partition, position)
        await member.reach("offsets")
        log.end_transaction(self._id, self._epoch)
        await member.reach("committed")

    async def close(self) -> None:
        """See Transactions."""
