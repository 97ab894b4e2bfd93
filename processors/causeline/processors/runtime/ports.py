"""What the runtime needs from the logic and from the broker.

The two halves meet here and nowhere else: `logic.py` is pure and knows no broker, `runner.py` drives both through these protocols, and
`adapters/` holds one implementation over aiokafka and one in memory. The broker's part is small on purpose, so that another Kafka
client can take its place; its obligations (the laws of `tests/contract/test_broker_laws.py`) are what exactly-once rests on.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Input(NamedTuple):
    """One record of `causeline.ingest`."""

    partition: int
    offset: int
    key: bytes
    value: bytes


class ChangelogRecord(NamedTuple):
    """One record of a changelog; a value of None is a tombstone."""

    offset: int
    key: bytes
    value: bytes | None


class Output(NamedTuple):
    """One record to write, to the partition that its input came from unless another one is named. A value of None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int | None = None


class Round(NamedTuple):
    """What the logic made of some inputs: written in one transaction with their offsets, or not at all.

    `changes` maps state keys to the values that the changelog gets, None being a tombstone. `report` belongs to the logic.
    """

    out: list[Output]
    changes: dict[bytes, bytes | None]
    report: Any


class Logic(Protocol):
    """The state and the decisions of one partition; made anew by a factory at every assignment."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record to the state. What it cannot read it raises on, and the state stays as it is."""
        ...

    def fold(self, inputs: Sequence[Input]) -> Round:
        """Decide on inputs, in offset order, over the present state, which stays as it is, also where it raises."""
        ...

    def set_aside(self, source: Input, detail: str) -> Round:
        """Return a round that writes an input, on which `fold` raised, as a dead letter (`processing_failed`) and changes nothing."""
        ...

    def apply(self, round: Round) -> None:  # noqa: A002 - a round is what the field calls it
        """Take over the changes of a round that is committed, and count what its report says."""
        ...

    def replay(self, round: Round) -> None:  # noqa: A002
        """Take over the changes of a round that was committed before, and count nothing."""
        ...

    def tick(self, now_ms: int) -> bytes:
        """Return the value of a tick record that carries this time (ms UTC)."""
        ...


LogicFactory = Callable[[int], Logic]


class Clock(Protocol):
    """Time comes in from outside, so that a test can move it."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC; it may step back."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when so many of those seconds have passed."""
        ...


class BrokerError(Exception):
    """The broker refused, did not answer in time, or was lost. Nobody repairs it: the run ends and the supervisor starts a new one."""


class Fenced(BrokerError):
    """Another producer of the same transactional id was opened: this process no longer owns the partition."""


class FetchedRecords(NamedTuple):
    """Records in offset order.

    `oldest_ms` is the broker's timestamp of the first one (0 without one). `caught_up`: as far as is known, the log ends behind them;
    `has_marker`: but for the marker of a transaction, which no commit of theirs passes.
    """

    inputs: list[Input]
    oldest_ms: int
    caught_up: bool
    has_marker: bool = False


class FirstOffsets(NamedTuple):
    """The first offsets that are still there: of a partition's input, and of its changelog."""

    input: int
    changelog: int


class Transactions(Protocol):
    """The one writer of a partition's outputs, by its transactional id."""

    async def commit(self, out: Sequence[Output], changes: Mapping[bytes, bytes | None], position: int) -> None:
        """Write outputs, changelog records and the group's offset (`position`: the next one to read) all together or not at all.

        Order within a topic is kept. On return it is durable, and soon visible to `read_committed` readers; after an exception the
        writer is spent and only `close` may follow. Raises Fenced where a newer writer exists, BrokerError where the broker refuses or
        does not answer in time.
        """
        ...

    async def close(self) -> None:
        """Release the writer. Never raises, never takes long; nothing uncommitted becomes visible."""
        ...


class Listener(Protocol):
    """Who is told about the group's decisions."""

    def assigned(self, partitions: Sequence[int]) -> None:
        """Start the work on these partitions in the background. Returns at once, since no heartbeat is sent meanwhile."""
        ...

    async def revoked(self) -> None:
        """End the work on all partitions. Returns when no round is in flight and every writer is closed; never raises."""
        ...


class Broker(Protocol):
    """One member of the processors' consumer group."""

    async def start(self, listener: Listener) -> None:
        """Join the group. From now on the listener is called; no record of a partition is fetched before `fetch` names its position."""
        ...

    async def open(self, partition: int) -> Transactions:
        """Return the new writer of a partition; older ones of its transactional id are fenced and their transactions ended."""
        ...

    async def committed(self, partition: int) -> int:
        """Return the group's committed offset, the start of the log without one. Exact when called after `open`."""
        ...

    async def starts(self, partition: int) -> FirstOffsets:
        """Return where the partition's two logs begin. Both are 0 until records are taken away (retention, DeleteRecords)."""
        ...

    @property
    def changelog_topic(self) -> str:
        """Where the changelog lies, for the operator."""
        ...

    def changelog(self, partition: int) -> AsyncIterator[Sequence[ChangelogRecord]]:
        """Yield the partition's changelog in order, in chunks, up to its end at the time of the call: committed records only."""
        ...

    async def fetch(self, partition: int, position: int, max_records: int, wait_ms: int) -> FetchedRecords:
        """Return the records from `position` on without a hole, at most `max_records`; none if none came within `wait_ms`.

        Returns none where the partition is not, or no longer, assigned; at once while the listener is told of a revocation, which waits for
        whoever fetches. Raises BrokerError where the group cannot be trusted.
        """
        ...

    async def append(self, partition: int, key: bytes, value: bytes) -> None:
        """Append one record to the input topic, outside any transaction."""
        ...

    async def stop(self) -> None:
        """Leave the group and release everything. Never raises."""
        ...
