"""An in-memory Kafka, as far as the processors need it: partitions, transactions, fencing, `read_committed`, one consumer group.

It obeys the same laws as the real broker (`tests/contract/test_broker_laws.py`) and is driven by a manual clock, so that a test can
stop time, kill a member between two steps of a transaction, let one go on that the group has given up, or take records away. What it
leaves out: replicas, and retention and compaction that happen by themselves.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol

from causeline.processors.runtime.ports import BrokerError, Fenced, Listener

TRANSACTION_MS: Final = 10_000


class ManualClock:
    """A Clock that only a test moves."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._elapsed_ms = 0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC."""
        return self._now_ms

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._elapsed_ms / 1_000

    def advance(self, ms: int) -> None:
        """Let time pass."""
        self._now_ms += ms
        self._elapsed_ms += ms
        for until, sleeper in self._sleepers:
            if until <= self.monotonic() and not sleeper.done():
                sleeper.set_result(None)
        self._sleepers = [(until, sleeper) for until, sleeper in self._sleepers if not sleeper.done()]

    async def sleep(self, seconds: float) -> None:
        """Return when so many of those seconds have passed."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.monotonic() + seconds, sleeper))
        await sleeper

    def step_back(self, ms: int) -> None:
        """Set the wall clock back, as a time server may."""
        self._now_ms -= ms


class _Fate(Enum):
    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


class _Transaction:
    def __init__(self, began_ms: int) -> None:
        self.fate = _Fate.OPEN
        self.began_ms = began_ms
        self.offsets: dict[int, int] = {}
        self.partitions: set[tuple[str, int]] = set()


class LogEntry(NamedTuple):
    """One place in a log: a record, or the marker that ends a transaction (`key` and `value` None), which also takes an offset."""

    offset: int
    key: bytes | None
    value: bytes | None
    at_ms: int
    transaction: _Transaction | None


class _Writer:
    epoch = 0
    transaction: _Transaction | None = None


class Member(Protocol):
    """A member of the group, as its coordinator sees it. `reachable` is false while it does not answer (SIGSTOP)."""

    listener: Listener | None
    reachable: bool

    def unassign(self) -> None:
        """Take all partitions away; fetches under way return nothing."""
        ...

    def assign(self, partitions: list[int]) -> None:
        """Give partitions."""
        ...


class MemoryLog:
    """The broker. `max_bytes` bounds a record; `input_topic` is what the group reads."""

    def __init__(self, clock: ManualClock, *, partitions: int, input_topic: str, changelog_topic: str, max_bytes: int = 8 << 20) -> None:
        self.clock: Final = clock
        self.partitions: Final = partitions
        self.input_topic: Final = input_topic
        self.changelog_topic: Final = changelog_topic
        self._max_bytes: Final = max_bytes
        self._logs: Final[dict[tuple[str, int], list[LogEntry]]] = defaultdict(list)
        self._starts: Final[dict[tuple[str, int], int]] = defaultdict(int)
        self._writers: Final[dict[str, _Writer]] = defaultdict(_Writer)
        self._committed: Final[dict[int, int]] = {}
        self._members: Final[list[Member]] = []
        self._revocations: Final[set[asyncio.Future[None]]] = set()
        self._rebalancing: Final = asyncio.Lock()
        self._waiters: Final[set[asyncio.Future[None]]] = set()

    # Records

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Append a record outside any transaction. Raises BrokerError where it is too large."""
        self._append(topic, partition, key, value, None)

    def _append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, transaction: _Transaction | None) -> None:
        size = len(key or b"") + len(value or b"")
        if size > self._max_bytes:
            raise BrokerError(f"a record of {size} bytes is more than {topic} takes")
        log = self._logs[topic, partition]
        log.append(LogEntry(len(log), key, value, self.clock.now_ms(), transaction))
        self.wake()

    def committed_entries(self, topic: str, partition: int, offset: int = 0) -> Iterator[LogEntry]:
        """Yield the records from `offset` on that a `read_committed` reader sees: none behind the first open transaction."""
        self.expire_transactions()
        for entry in self._logs[topic, partition][max(offset, self._starts[topic, partition]) :]:
            fate = entry.transaction.fate if entry.transaction else _Fate.COMMITTED
            if fate is _Fate.OPEN:
                return
            if fate is _Fate.COMMITTED and (entry.key is not None or entry.value is not None):
                yield entry

    def end(self, topic: str, partition: int) -> int:
        """Return the offset that the next record gets."""
        return len(self._logs[topic, partition])

    def is_end(self, topic: str, partition: int, offset: int) -> bool:
        """Return whether nothing but markers and aborted records lies from `offset` on: a reader's position passes those."""
        ahead = self._logs[topic, partition][offset:]
        is_open = any(entry.transaction is not None and entry.transaction.fate is _Fate.OPEN for entry in ahead)
        return not is_open and next(self.committed_entries(topic, partition, offset), None) is None

    def start(self, topic: str, partition: int) -> int:
        """Return the first offset that is still there."""
        return self._starts[topic, partition]

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Take away what lies before an offset, as retention and DeleteRecords do."""
        self._starts[topic, partition] = max(self._starts[topic, partition], min(offset, self.end(topic, partition)))

    def lose_from(self, topic: str, partition: int, offset: int) -> None:
        """Take away what lies from an offset on, as a lost disk does; from 0 on it is a topic that was deleted and made anew."""
        del self._logs[topic, partition][offset:]
        self._starts[topic, partition] = min(self._starts[topic, partition], offset)

    def size(self) -> int:
        """Return how many offsets are taken in all logs together."""
        return sum(map(len, self._logs.values()))

    # Transactions

    def register(self, transactional_id: str) -> int:
        """Return the next epoch of a transactional id; its open transaction is aborted, its older writers are fenced."""
        writer = self._writers[transactional_id]
        if writer.transaction is not None:
            self._finish(writer, _Fate.ABORTED)
        writer.epoch += 1
        return writer.epoch

    def _writer(self, transactional_id: str, epoch: int) -> _Writer:
        self.expire_transactions()
        writer = self._writers[transactional_id]
        if writer.epoch != epoch:
            raise Fenced(f"{transactional_id}: epoch {epoch} is not {writer.epoch}")
        return writer

    def begin(self, transactional_id: str, epoch: int) -> None:
        """Open a transaction. Raises Fenced."""
        self._writer(transactional_id, epoch).transaction = _Transaction(self.clock.now_ms())

    def write(self, writer_of: tuple[str, int], topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        """Append a record inside the open transaction of (id, epoch). Raises Fenced, or BrokerError where it is too large."""
        transaction = self._writer(*writer_of).transaction
        if transaction is None:
            raise BrokerError("no transaction is open")
        transaction.partitions.add((topic, partition))
        self._append(topic, partition, key, value, transaction)

    def write_offset(self, transactional_id: str, epoch: int, partition: int, offset: int) -> None:
        """Make the group's offset part of the open transaction. Raises Fenced."""
        transaction = self._writer(transactional_id, epoch).transaction
        if transaction is None:
            raise BrokerError("no transaction is open")
        transaction.offsets[partition] = offset

    def end_transaction(self, transactional_id: str, epoch: int) -> None:
        """Commit the open transaction. Raises Fenced."""
        self._finish(self._writer(transactional_id, epoch), _Fate.COMMITTED)

    def expire_transactions(self) -> None:
        """Abort what was left open for too long, and fence its writer."""
        for writer in self._writers.values():
            if writer.transaction is not None and self.clock.now_ms() - writer.transaction.began_ms > TRANSACTION_MS:
                self._finish(writer, _Fate.ABORTED)
                writer.epoch += 1

    def _finish(self, writer: _Writer, fate: _Fate) -> None:
        transaction, writer.transaction = writer.transaction, None
        if transaction is None:
            raise BrokerError("no transaction is open")
        transaction.fate = fate
        if fate is _Fate.COMMITTED:
            self._committed.update(transaction.offsets)
        for topic, partition in transaction.partitions:
            self._append(topic, partition, None, None, transaction)

    def committed_offset(self, partition: int) -> int:
        """Return the group's offset on the input topic, 0 without one."""
        return self._committed.get(partition, 0)

    def has_open_transaction(self, partition: int) -> bool:
        """Tell whether a transaction is open that writes to this partition: readers do not see beyond it yet."""
        return any(
            number == partition for writer in self._writers.values() if writer.transaction for _, number in writer.transaction.partitions
        )

    # The group

    async def join(self, member: Member) -> None:
        """Add a member and rebalance."""
        self._members.append(member)
        await self.rebalance()

    async def leave(self, member: Member) -> None:
        """Remove a member, be it gone or only silent for longer than the session, and rebalance."""
        if member in self._members:
            self._members.remove(member)
            await self.rebalance()

    def holds(self, member: Member) -> bool:
        """Tell whether a member belongs to the group."""
        return member in self._members

    async def rebalance(self) -> None:
        """Revoke every partition of every member that answers, then assign all anew: eagerly, in ranges."""
        async with self._rebalancing:
            for member in [m for m in self._members if m.reachable]:
                await self._until_given_up(member, asyncio.ensure_future(self._revoke(member)))
            members = [m for m in self._members if m.reachable]
            for index, member in enumerate(members):
                share = [p for p in range(self.partitions) if p * len(members) // self.partitions == index]
                member.assign(share)
                if member.listener is not None:
                    member.listener.assigned(share)

    async def _revoke(self, member: Member) -> None:
        """Take the partitions away and tell the listener in the same step, as a client does."""
        member.unassign()
        self.wake()
        if member.listener is not None:
            await member.listener.revoked()

    async def _until_given_up(self, member: Member, revocation: asyncio.Future[None]) -> None:
        """Wait for a member to give its partitions up, unless it falls silent: then its session expires and the others go on."""
        self._revocations.add(revocation)
        revocation.add_done_callback(self._revocations.discard)
        revocation.add_done_callback(lambda _: self.wake())
        while member.reachable and not revocation.done():
            await self.wait_for_change()

    # Waiting

    def wake(self) -> None:
        """Let everyone who waits look again: something was appended, taken away, or time has passed."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait_for_change(self) -> None:
        """Wait until something has changed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
