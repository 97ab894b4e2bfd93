"""What a partition remembers of its subscriptions, and its form in the changelog.

A subscription is four kinds of records: its rule, its course, one for each notification that waits, one for each problem with a thread.
So what changes with every attempt is small. The table in this slice's README lists the keys. Values are MessagePack with field names: a
new field with a default reads old values.
"""

from typing import Final, NamedTuple

import msgspec

from causeline.processors.delivery.pressure import CLOSED_BREAKER, Breaker
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import OF_PROBLEMS, What
from causeline.schemas.subscriptions.rules import Rule

TIME_KEY: Final = b"t"
RULE: Final = b"r"
COURSE: Final = b"s"
WAITING: Final = b"n"
THREAD: Final = b"h"
_SEPARATOR: Final = b"\0"
_SEQ_BYTES: Final = 8


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One notification of one subscription, until it is delivered, dead or cancelled. Times are ms of task time, 0: not yet.

    `failures` are those that count, `attempts` all that were handed out; `awaited`: the last of them was not reported; after
    `lease_until` it is handed out again. `early`: it is a probe before its time, whose failure does not count. `due_at` was set at
    `decided_at`. `renamed` is the id of the earlier delivery that it repeats. `correlation_id` is that of a problem, whose causes have it
    too. `delivered`: an earlier attempt delivered it, and it stays only as long as the one under way may still be sent.
    """

    what: What
    entity: str
    version: int
    record: bytes = b""
    received: int
    renamed: str = ""
    failures: int = 0
    attempts: int = 0
    awaited: bool = False
    early: bool = False
    lease_until: int = 0
    due_at: int = 0
    decided_at: int = 0
    first_at: int = 0
    correlation_id: str = ""
    delivered: bool = False

    @property
    def line(self) -> tuple[bool, str]:
        """Return what it is in order with: all versions of an event, or all that a correlation id's problems go through.

        The causes of these are among it.
        """
        return self.what in OF_PROBLEMS, self.correlation_id or self.entity

    def delivery_id(self, subscription: str) -> str:
        """Return the receiver's `webhook-id`."""
        return self.renamed or delivery_work.delivery_id(subscription, self.what, self.entity, self.version)


class Thread(msgspec.Struct, frozen=True):
    """Where messages of a problem belong (the worker's text), and since when."""

    text: str
    at: int


class Course(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a subscription goes on. Times are ms of task time, offsets those of `causeline.deliveries`.

    `disabled`: why nothing is delivered until its owner changes it. `hold_until`: it was answered 429. `released_at`: what was to be
    tried later as of then is due at once, since the endpoint is back.

    It is behind while `cursor` is set: notifications from there on are in the log only; `deferred` of them were not taken, the last one
    at `last_deferred`. `backfill` is the worker's place in the public topics (None: nothing is read from there). `reading_until` is the
    lease of a reading (0: none is under way), `read_at` the earliest time of the next one.

    `first_offset` is where the first notification came of one that is not set up yet; `forget_at` when such a one, or a deleted one, is
    forgotten. `incident`: an event says that it is broken; `incidents` counts them. `told_at`: when its health was last told; `untold`:
    it changed since.
    """

    next_seq: int = 1
    disabled: str = ""
    breaker: Breaker = CLOSED_BREAKER
    window: int = 4
    hold_until: int = 0
    released_at: int = -1
    cursor: int | None = None
    last_deferred: int = -1
    deferred: int = 0
    backfill: str | None = None
    reading_until: int = 0
    read_at: int = 0
    first_offset: int = -1
    forget_at: int = 0
    incident: bool = False
    incidents: int = 0
    last_ok: bool | None = None
    attempts: int = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    skipped: int = 0
    last_attempt: int | None = None
    last_success: int | None = None
    last_status: int = 0
    last_error: str = ""
    told_at: int = 0
    untold: bool = False

    @property
    def retries(self) -> int:
        """Return how many attempts failed without being the last one."""
        return self.failed - self.dead


FRESH: Final = Course()


class DeliveryState:
    """A subscription in memory. Only a fold's own copy (`draft.StateDraft`) is changed; `waiting` is in the order of its numbers.

    `rule` is None before it is set up. `weight` is what it takes of the partition's memory, `alarm` the earliest timer that is set for it.
    """

    __slots__ = ("alarm", "course", "rule", "threads", "waiting", "weight")

    def __init__(
        self,
        rule: Rule | None = None,
        course: Course = FRESH,
        waiting: dict[int, Waiting] | None = None,
        threads: dict[str, Thread] | None = None,
    ) -> None:
        self.rule = rule
        self.course = course
        self.waiting: dict[int, Waiting] = {} if waiting is None else waiting
        self.threads: dict[str, Thread] = {} if threads is None else threads
        self.weight = 0
        self.alarm: int | None = None

    def __eq__(self, other: object) -> bool:
        """Compare what is in the changelog."""
        if not isinstance(other, DeliveryState):
            return NotImplemented
        mine = (self.rule, self.course, self.waiting, self.threads, self.weight)
        return mine == (other.rule, other.course, other.waiting, other.threads, other.weight)

    __hash__ = None  # type: ignore[assignment] # it changes

    @property
    def oldest(self) -> int | None:
        """Return when Causeline took in the oldest of what waits, None without any."""
        return min((one.received for one in list(self.waiting.values()) if one.what != "test"), default=None)


class DeliveryStateKey(NamedTuple):
    """A state key taken apart; `rest` is a number's bytes or an entity's id."""

    kind: bytes
    subscription: str
    rest: bytes


def rule_key(subscription: str) -> bytes:
    """Return the state key of a rule."""
    return RULE + subscription.encode()


def course_key(subscription: str) -> bytes:
    """Return the state key of a course."""
    return COURSE + subscription.encode()


def waiting_key(subscription: str, seq: int) -> bytes:
    """Return the state key of a notification that waits."""
    return WAITING + subscription.encode() + _SEPARATOR + seq.to_bytes(_SEQ_BYTES)


def thread_key(subscription: str, entity: str) -> bytes:
    """Return the state key of a problem's thread."""
    return THREAD + subscription.encode() + _SEPARATOR + entity.encode()


def parse_state_key(key: bytes) -> DeliveryStateKey:
    """Return the parts of a state key. Raises ValueError where no state has such a key."""
    if key[:1] not in {RULE, COURSE, WAITING, THREAD}:
        raise ValueError(f"{key!r} is not a state key")
    subscription, _, rest = key[1:].partition(_SEPARATOR)
    return DeliveryStateKey(key[:1], subscription.decode(), rest)


_encoder: Final = msgspec.msgpack.Encoder()
rules: Final = msgspec.msgpack.Decoder(Rule)
courses: Final = msgspec.msgpack.Decoder(Course)
notifications: Final = msgspec.msgpack.Decoder(Waiting)
threads: Final = msgspec.msgpack.Decoder(Thread)
times: Final = msgspec.msgpack.Decoder(int)


def encode_delivery_state(value: Rule | Course | Waiting | Thread | int) -> bytes:
    """Return the changelog value of a state value."""
    return _encoder.encode(value)
