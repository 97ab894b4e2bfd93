"""What a partition remembers, as frozen values, and their form in the changelog.

What is in memory is what is in the changelog: each state key is bytes whose first letter says what it holds, each value is MessagePack
(field names are kept, so a new field with a default reads old values). The table in this slice's README lists the keys; the dedup
segments, which are packed instead, are in `dedup.py`.
"""

from collections.abc import Iterator
from typing import Final, Protocol, TypeVar

import msgspec

from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Rule

TIME_KEY: Final = b"t"
DEDUP: Final = b"d"
EVENT_TAG: Final = b"e"
PROBLEM_TAG: Final = b"p"
CLOSES: Final = b"c"
SUBSCRIPTION: Final = b"s"
REFRESH: Final = b"r"
"""Only a timer: the refreshes of the problem with the rest of the key are to be published."""


Mark = tuple[int, int]
"""The place of a signal among others: when it happened by its own word, and when it arrived (ms UTC)."""


class RecentEvent(msgspec.Struct, frozen=True):
    """The newest version of an event that was patched or deleted lately.

    `event` is the framed event, `ts` the time of its row. `forget_at` is when it is forgotten (task time, ms UTC): until then a writer
    who saw an older version is noticed. First the event itself is forgotten (`event` is empty then), later that there was this version.
    `service` is that of its row once the event is forgotten; None before, and of what was forgotten when no service was kept.
    """

    version: int
    ts: int
    is_deleted: bool
    event: bytes
    forget_at: int
    service: str | None = None

    @property
    def is_number_only(self) -> bool:
        """Say whether there is such an event, of which only the version is known, and where its row lies."""
        return not self.event and not self.is_deleted


class RuleState(msgspec.Struct, frozen=True):
    """The newest revision of a subscription's rule. `forget_at` (task time, ms UTC) is set once it is gone."""

    rule: Rule
    forget_at: int | None = None


class _Instants(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def deadline(self) -> int | None: ...


class _TimedProblem(Protocol):
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
    def is_open(self: _TimedProblem) -> bool:
        """Whether the problem has neither been closed nor timed out."""
        return self.problem.state == "open"

    @property
    def publish_at(self: _TimedProblem) -> int | None:
        """When refreshes that wait are published; None where none waits."""
        if not self.unpublished or self.refreshed_at is None:
            return None
        return self.refreshed_at + self.interval_ms

    @property
    def leave_at(self: _TimedProblem) -> int | None:
        """When the problem times out, or is forgotten once it is closed; None for an open one that never times out."""
        return self.problem.deadline if self.is_open else self.forget_at


class ProblemState(_Waking, frozen=True):
    """One problem, open or lately closed.

    `problem` is the newest snapshot; its version, transition and `at` are those last published. `event` is the framed event that lives
    with the problem (empty where the event is the client's own). `refreshed_at` is when a refresh was last published, `unpublished` how
    many came since, `interval_ms` the least time between two of them. `forget_at` is set once it is closed.

    `newest` is the mark of the newest opening that it follows, of a closed one its end and the arrival of what ended it: what is older
    changes nothing. `following`: subscriptions that asked for it as it was and do not as it is; they are told of what follows.
    `past` are the times (start, end) of earlier problems of its correlation id.
    """

    problem: Problem
    timeout_ms: int = 0
    event: bytes = b""
    refreshed_at: int | None = None
    unpublished: int = 0
    interval_ms: int = 0
    forget_at: int | None = None
    newest: Mark = (0, 0)
    following: tuple[str, ...] = ()
    past: tuple[tuple[int, int], ...] = ()


class Close(msgspec.Struct, frozen=True, array_like=True):
    """A close that found nothing open: its mark, the end that it names, and the record that it came in."""

    mark: Mark
    end: int | None
    record_id: str


class EarlyCloses(msgspec.Struct, frozen=True):
    """Closes of one correlation id that came before what they close, in the order of their marks. Forgotten at `forget_at` (ms UTC)."""

    closes: tuple[Close, ...]
    forget_at: int


class _ProblemInstants(msgspec.Struct, frozen=True):
    state: str
    deadline: int | None = None


class ProblemAlarms(_Waking, frozen=True):
    """What of a `ProblemState` its timers need: a decoder skips the rest."""

    problem: _ProblemInstants
    refreshed_at: int | None = None
    unpublished: int = 0
    interval_ms: int = 0
    forget_at: int | None = None


def event_key(event_id: str) -> bytes:
    """Return the state key of a recent event."""
    return EVENT_TAG + event_id.encode()


def problem_key(tenant: str, correlation_id: str) -> bytes:
    """Return the state key of a problem: correlation ids of different tenants never meet."""
    return PROBLEM_TAG + tenant.encode() + b"\0" + correlation_id.encode()


def closes_key(tenant: str, correlation_id: str) -> bytes:
    """Return the state key of the closes that came before what they close."""
    return CLOSES + problem_key(tenant, correlation_id)[1:]


def tenant_of_key(key: bytes) -> bytes:
    """Return whose problem, or closes, a state key is about."""
    return key[1:].partition(b"\0")[0]


_encoder: Final = msgspec.msgpack.Encoder()
_events: Final = msgspec.msgpack.Decoder(RecentEvent)
_problems: Final = msgspec.msgpack.Decoder(ProblemState)
_closes: Final = msgspec.msgpack.Decoder(EarlyCloses)
_rules: Final = msgspec.msgpack.Decoder(RuleState)
_alarms: Final = msgspec.msgpack.Decoder(ProblemAlarms)
_times: Final = msgspec.msgpack.Decoder(int)


def encode_event_state(value: RecentEvent | ProblemState | EarlyCloses | RuleState | int) -> bytes:
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


def decode_alarms(value: bytes) -> ProblemAlarms:
    """Return what the timers need of the problem of a changelog value, faster than all of it."""
    return _alarms.decode(value)


def decode_closes(value: bytes) -> EarlyCloses:
    """Return the early closes of a changelog value."""
    return _closes.decode(value)


def decode_rule(value: bytes) -> RuleState:
    """Return the rule of a changelog value."""
    return _rules.decode(value)


StateValue = RecentEvent | ProblemState | EarlyCloses | RuleState
V = TypeVar("V", bound=StateValue)


def alarm(timer_key: bytes, value: StateValue | None) -> int | None:
    """Return when a timer key of a state value rings (task time, ms UTC), None for never."""
    if isinstance(value, RecentEvent | EarlyCloses | RuleState):
        return value.forget_at
    if value is None:
        return None
    return value.publish_at if timer_key[:1] == REFRESH else value.leave_at


def sooner(
    key: bytes,
    old_value: StateValue | None,
    value: StateValue | None,
) -> Iterator[tuple[int, bytes]]:
    """Yield the timers that a changed value needs. One that rings too early moves itself on, so a later alarm needs none."""
    timer_keys = (key, REFRESH + key[1:]) if key[:1] == PROBLEM_TAG else (key,)
    for timer_key in timer_keys:
        at, before = alarm(timer_key, value), alarm(timer_key, old_value)
        if at is not None and (before is None or at < before):
            yield at, timer_key
