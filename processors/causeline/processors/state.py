"""What a partition remembers, as frozen values, and their form in the changelog.

What is in memory is what is in the changelog: each state key is bytes whose first letter says what it holds, each value is MessagePack
(field names are kept, so a new field with a default reads old values). The table in this slice's README lists the keys; the dedup
segments, which are packed instead, are in `dedup.py`.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import structlog

from causeline.processors.timers import Timers
from causeline.schemas.problem import Problem
from causeline.schemas.subscriptions import Rule
from causeline.schemas.telemetry import UNREADABLE_RECORDS
from causeline.schemas.topics import CHANGELOG

_log: Final = structlog.get_logger(__name__)

TIME_KEY: Final = b"t"
DEDUP: Final = b"d"
EVENT: Final = b"e"
PROBLEM: Final = b"p"
SUBSCRIPTION: Final = b"s"
REFRESH: Final = b"r"
"""Only a timer: the refreshes of the problem with the rest of the key are to be published."""


class RecentEvent(msgspec.Struct, frozen=True):
    """The newest version of an event that was patched or deleted lately.

    `event` is the framed event, `ts` the time of its row. `forget_at` is when it is forgotten (task time, ms UTC): until then a writer
    who saw an older version is noticed.
    """

    version: int
    ts: int
    is_deleted: bool
    event: bytes
    forget_at: int


class RuleState(msgspec.Struct, frozen=True):
    """The newest revision of a subscription's rule. `forget_at` (task time, ms UTC) is set once it is gone."""

    rule: Rule
    forget_at: int | None = None


class _Instants(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def deadline(self) -> int | None: ...


class _Timed(Protocol):
    @property
    def problem(self) -> _Instants: ...
    @property
    def refreshed_at(self) -> int | None: ...
    @property
    def unpublished(self) -> int: ...
    @property
    def interval_ms(self) -> int: ...
    @property
    def forget_at(self) -> int | None: ...
    @property
    def is_open(self) -> bool: ...


class _Waking(msgspec.Struct, frozen=True):
    """When a problem wakes up, stated once for the whole state and for the few fields of it that a restore decodes."""

    @property
    def is_open(self: _Timed) -> bool:
        """Whether the problem has neither been closed nor timed out."""
        return self.problem.state == "open"

    @property
    def publish_at(self: _Timed) -> int | None:
        """When refreshes that wait are published; None where none waits."""
        if not self.unpublished or self.refreshed_at is None:
            return None
        return self.refreshed_at + self.interval_ms

    @property
    def leave_at(self: _Timed) -> int | None:
        """When the problem times out, or is forgotten once it is closed; None for an open one that never times out."""
        return self.problem.deadline if self.is_open else self.forget_at


class ProblemState(_Waking, frozen=True):
    """One problem, open or lately closed.

    `problem` is the newest snapshot; its version, transition and `at` are those last published. `event` is the framed event that lives
    with the problem (empty where the event is the client's own). `refreshed_at` is when a refresh was last published, `unpublished` how
    many came since, `interval_ms` the least time between two of them. `forget_at` is set once it is closed.
    """

    problem: Problem
    timeout_ms: int = 0
    event: bytes = b""
    refreshed_at: int | None = None
    unpublished: int = 0
    interval_ms: int = 0
    forget_at: int | None = None


class _ProblemInstants(msgspec.Struct, frozen=True):
    state: str
    deadline: int | None = None


class _ProblemAlarms(_Waking, frozen=True):
    """What of a `ProblemState` its timers need: a decoder skips the rest."""

    problem: _ProblemInstants
    refreshed_at: int | None = None
    unpublished: int = 0
    interval_ms: int = 0
    forget_at: int | None = None


def event_key(event_id: str) -> bytes:
    """Return the state key of a recent event."""
    return EVENT + event_id.encode()


def problem_key(tenant: str, correlation_id: str) -> bytes:
    """Return the state key of a problem: correlation ids of different tenants never meet."""
    return PROBLEM + tenant.encode() + b"\0" + correlation_id.encode()


_encoder: Final = msgspec.msgpack.Encoder()
_events: Final = msgspec.msgpack.Decoder(RecentEvent)
_problems: Final = msgspec.msgpack.Decoder(ProblemState)
_rules: Final = msgspec.msgpack.Decoder(RuleState)
_alarms: Final = msgspec.msgpack.Decoder(_ProblemAlarms)
_times: Final = msgspec.msgpack.Decoder(int)


def encode(value: RecentEvent | ProblemState | RuleState | int) -> bytes:
    """Return the changelog value of a state value."""
    return _encoder.encode(value)


def decode_time(value: bytes) -> int:
    """Return the task time (ms UTC) of a changelog value."""
    return _times.decode(value)


def decode_event(value: bytes) -> RecentEvent:
    """Return the recent event of a changelog value."""
    return _events.decode(value)


def decode_problem(value: bytes) -> ProblemState:
    """Return the problem of a changelog value."""
    return _problems.decode(value)


def decode_rule(value: bytes) -> RuleState:
    """Return the rule of a changelog value."""
    return _rules.decode(value)


V = TypeVar("V", bound=RecentEvent | ProblemState | RuleState)


class ProblemTable:
    """The problems of a partition, by state key.

    A restored one stays as the bytes of its changelog record until it is first looked at: decoding a million of them would be most of a
    restore, and their objects most of the memory, while a fleet touches a few at a time.
    """

    def __init__(self) -> None:
        self._held: dict[bytes, ProblemState | bytes] = {}

    def __len__(self) -> int:
        return len(self._held)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record. Its timers are due to `alarms`."""
        if value is None:
            self._held.pop(key, None)
        else:
            self._held[key] = value

    def get(self, key: bytes) -> ProblemState | None:
        """Return a problem, None without one."""
        held = self._held.get(key)
        if isinstance(held, bytes):
            try:
                held = self._held[key] = decode_problem(held)
            except ValueError as error:
                self._drop(key, error)
                return None
        return held

    def put(self, key: bytes, value: ProblemState | None) -> None:
        """Set or remove a problem."""
        if value is None:
            self._held.pop(key, None)
        else:
            self._held[key] = value

    def items(self) -> Iterator[tuple[bytes, ProblemState]]:
        """Yield every problem with its state key."""
        for key, held in self._held.items():
            yield key, decode_problem(held) if isinstance(held, bytes) else held

    def _drop(self, key: bytes, error: ValueError) -> None:
        """Forget a restored problem that cannot be read, as a restore does with what it reads at once."""
        del self._held[key]
        UNREADABLE_RECORDS.labels(CHANGELOG).inc()
        _log.error("record_unreadable", topic=CHANGELOG, key=repr(key[:100]), error=type(error).__name__, detail=str(error)[:500])

    def alarms(self, keys: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield the timers (instant in ms UTC, timer key) of restored problems that were not looked at since."""
        for key in keys:
            held = self._held.get(key)
            if isinstance(held, bytes):
                try:
                    waking = _alarms.decode(held)
                except ValueError as error:
                    self._drop(key, error)
                    continue
                at = waking.leave_at
                if at is not None:
                    yield at, key
                at = waking.publish_at
                if at is not None:
                    yield at, REFRESH + key[1:]


class EventTable(dict[bytes, RecentEvent]):
    """The recent events of a partition, by state key."""

    def put(self, key: bytes, value: RecentEvent | None) -> None:
        """Set or remove an event."""
        if value is None:
            self.pop(key, None)
        else:
            self[key] = value


class Table(Protocol[V]):
    """Committed values by state key."""

    def get(self, key: bytes, /) -> V | None:
        """Return the value of a key, None without one."""
        ...

    def put(self, key: bytes, value: V | None) -> None:
        """Set or remove the value of a key."""
        ...


class Overlay(Generic[V]):
    """A table as one round sees it: what it changed, over what is committed. None means removed."""

    def __init__(self, base: Table[V]) -> None:
        self._base = base
        self.changed: dict[bytes, V | None] = {}

    def get(self, key: bytes) -> V | None:
        """Return the value of a key, None without one."""
        if key in self.changed:
            return self.changed[key]
        return self._base.get(key)

    def put(self, key: bytes, value: V | None) -> None:
        """Set or remove the value of a key."""
        self.changed[key] = value

    def write(self) -> None:
        """Make the changes in the table."""
        for key, value in self.changed.items():
            self._base.put(key, value)


def restore(table: Table[V], timers: Timers, key: bytes, value: V | None) -> None:
    """Apply one changelog record to a table, and schedule its key where no earlier timer waits for it."""
    known = table.get(key)
    for at, timer_key in sooner(key, known, value):
        timers.schedule(at, timer_key)
    table.put(key, value)


def alarm(timer_key: bytes, value: RecentEvent | ProblemState | RuleState | None) -> int | None:
    """Return when a timer key of a state value rings (task time, ms UTC), None for never."""
    if isinstance(value, RecentEvent | RuleState):
        return value.forget_at
    if value is None:
        return None
    return value.publish_at if timer_key[:1] == REFRESH else value.leave_at


def sooner(
    key: bytes,
    known: RecentEvent | ProblemState | RuleState | None,
    value: RecentEvent | ProblemState | RuleState | None,
) -> Iterator[tuple[int, bytes]]:
    """Yield the timers that a changed value needs. One that rings too early moves itself on, so a later alarm needs none."""
    timer_keys = (key, REFRESH + key[1:]) if key[:1] == PROBLEM else (key,)
    for timer_key in timer_keys:
        at, before = alarm(timer_key, value), alarm(timer_key, known)
        if at is not None and (before is None or at < before):
            yield at, timer_key
