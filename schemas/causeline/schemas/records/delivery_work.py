"""What travels between processors and delivery workers: internal records, MessagePack, never read by anybody else.

`causeline.deliveries` is the input of the delivery state, keyed by subscription: what is to be told (`Notification`), how a subscription
is set up (`Configured`), and what workers report (`AttemptOutcome`, `Refilled`, `Backfilled`). `causeline.deliveries.due` is the work
that the state hands out: one attempt at a time for each subscription and line (`Attempt`), and reading the log (`Refill`, `Backfill`).
All work may be handed out twice and reported twice: a report that the state does not wait for changes nothing.

Work that lay too long is handed out again, so a worker does not begin it: not later than `begin_within_ms` after `at` (0: whenever). `at`
is the log's time, the greatest that anybody has written into the partition; the worker compares it with its own clock, which its reports
carry into the log. So a worker whose clock is ahead takes work again after its first report, and one whose clock is behind may begin
work later than it should.

All times are ms UTC.
"""

from functools import lru_cache
from typing import Final, Literal, TypeVar

import msgspec

from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.values import ids

_T = TypeVar("_T")

What = Literal["event", "problem", "causes", "test"]
OF_PROBLEMS: Final[frozenset[What]] = frozenset({"problem", "causes"})
"""What belongs to a problem: it is told in one order, and in one thread."""
Result = Literal["delivered", "failed", "limited", "gone", "withheld", "unsent"]
"""Of one attempt: 2xx; anything that may pass; 429; 410; not sent, since the subscription may not tell of it any more; not sent, since it
lay too long before a worker."""
DeliveryOutcome = Literal["delivered", "retried", "dead", "cancelled"]
"""Of an attempt on the delivery log: delivered; will be tried again; was the last one; its subscription is gone, or may not tell of it."""


class Notification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="notification"):
    """One record that some subscriptions of one partition asked for.

    `entity` is the id of the event or problem, `version` its version, or the revision of its ranking; `record` the framed event, problem
    or ranking, empty for a test.
    `received` is when Causeline took in what caused it, `at` when it was matched. `delivery_id` is set where an earlier delivery is
    repeated.
    """

    subscriptions: tuple[str, ...]
    what: What
    entity: str
    version: int
    record: bytes = b""
    received: int
    at: int
    delivery_id: str = ""


class Configured(msgspec.Struct, frozen=True, kw_only=True, tag="configured"):
    """A subscription was made, changed or deleted (`rule.gone`)."""

    rule: Rule
    at: int


class AttemptOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="outcome"):
    """How an attempt ended. `status` is 0 where there was no answer. `detail` is cut to 300 characters and holds no secret.

    `thread` is where later messages of the same problem belong (Slack), as the worker wants it back. `delivery_id` is the attempt's ("":
    from a worker of before 2026-11-28).
    """

    subscription: str
    seq: int
    attempt: int
    result: Result
    status: int = 0
    detail: str = ""
    took_ms: int = 0
    retry_after_ms: int = 0
    thread: str = ""
    at: int
    delivery_id: str = ""


class Refilled(msgspec.Struct, frozen=True, kw_only=True, tag="refilled"):
    """What `causeline.deliveries` held for a subscription from offset `since` up to, not including, `until`, in order."""

    subscription: str
    since: int
    until: int
    found: tuple[Notification, ...]
    at: int


class Backfilled(msgspec.Struct, frozen=True, kw_only=True, tag="backfilled"):
    """What the public topics held for a subscription behind `since`, in the order of each entity; `cursor` is the place behind it.

    `since` and `cursor` belong to the worker; the first `since` is empty. `done`: nothing from before the subscription is left.
    """

    subscription: str
    since: str
    cursor: str
    found: tuple[Notification, ...]
    done: bool
    at: int


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick"):
    """Only carries the time."""

    at: int


DeliveryMessage = Notification | Configured | AttemptOutcome | Refilled | Backfilled | Tick


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="attempt"):
    """Deliver one notification now, and report an `AttemptOutcome` with the same `seq` and `attempt` (counted from 1, probes included).

    `revision`: the worker must know the subscription at least as of it. `first_at` is when the first attempt was handed out.
    """

    subscription: str
    revision: int
    delivery_id: str
    seq: int
    attempt: int
    what: What
    entity: str
    version: int
    record: bytes = b""
    thread: str = ""
    received: int
    first_at: int
    at: int
    begin_within_ms: int = 0


class Refill(msgspec.Struct, frozen=True, kw_only=True, tag="refill"):
    """Read `causeline.deliveries` again from offset `since` of `partition`, for one subscription, and report `Refilled`."""

    subscription: str
    partition: int
    since: int
    at: int
    begin_within_ms: int = 0


class Backfill(msgspec.Struct, frozen=True, kw_only=True, tag="backfill"):
    """Read the public topics behind `since` (empty: from `rule.start_from`) up to `rule.created_at`, and report `Backfilled`."""

    rule: Rule
    since: str
    at: int
    begin_within_ms: int = 0


DeliveryWork = Attempt | Refill | Backfill

MAX_DETAIL: Final = 300
MAX_FOUND: Final = 500
MAX_FOUND_BYTES: Final = 2 << 20
"""What a `Refilled` or `Backfilled` may bring, in notifications and in bytes of their records (one larger one is let in alone): half of
what the state holds of a subscription, and it asks when less than half waits."""

_message_decoder: Final[msgspec.msgpack.Decoder[DeliveryMessage]] = msgspec.msgpack.Decoder(DeliveryMessage)
_work_decoder: Final[msgspec.msgpack.Decoder[DeliveryWork]] = msgspec.msgpack.Decoder(DeliveryWork)
_encoder: Final = msgspec.msgpack.Encoder()


def encode_delivery_work(message: DeliveryMessage | DeliveryWork) -> bytes:
    """Return the bytes of a record."""
    return _encoder.encode(message)


def notification_head(subscriptions: tuple[str, ...], what: What) -> bytes:
    """Return how a notification for these subscriptions begins; see `notification`."""
    return b"\x88" + _pack("type", "notification", "subscriptions", subscriptions, "what", what, "entity")


@lru_cache(maxsize=4096)
def notification_tail(received: int, at: int) -> bytes:
    """Return how a notification of these times ends; both repeat from event to event."""
    return _pack("received", received, "at", at)


def notification(beginning: bytes, entity: str, version: int, record: bytes, ending: bytes) -> bytes:
    """Return what `encode_delivery_work` returns for a notification of a record that is not empty; no delivery is repeated by it.

    One is written for every event that a subscription matches, so it is put together from what they have in common
    (`notification_head`, `notification_tail`).
    """
    size = len(record)
    # The bin format family of MessagePack has 8, 16 or 32 bits of length.
    head = (_BIN | size).to_bytes(3) if _BIN8 <= size < _BIN16 else _encoder.encode(record)[:-size]
    middle = _MIDDLE[version] if version < _MIDDLES else _middle(version)
    return b"".join((beginning, _encoder.encode(entity), middle, head, record, ending))


def _pack(*parts: object) -> bytes:
    return b"".join(map(_encoder.encode, parts))


def _middle(version: int) -> bytes:
    return _pack("version", version, "record")


_BIN: Final = 0xC5 << 16
_BIN8: Final = 1 << 8
_BIN16: Final = 1 << 16
_MIDDLES: Final = 128
_MIDDLE: Final = tuple(map(_middle, range(_MIDDLES)))


def decode_message(data: bytes) -> DeliveryMessage:
    """Return a record of `causeline.deliveries`. Raises msgspec.DecodeError (ValidationError is one)."""
    return _decode(_message_decoder, data)


def decode_work(data: bytes) -> DeliveryWork:
    """Return a record of `causeline.deliveries.due`. Raises msgspec.DecodeError (ValidationError is one)."""
    return _decode(_work_decoder, data)


def _decode(decoder: msgspec.msgpack.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as error:  # which msgspec lets out for a text that is none
        raise msgspec.DecodeError(str(error)) from error


def delivery_id(subscription: str, what: What, entity: str, version: int) -> str:
    """Return the id of a delivery, the receiver's `webhook-id`: the same one however often it is sent."""
    return "msg_" + ids.uuid5(subscription, what, entity, str(version)).replace("-", "")
