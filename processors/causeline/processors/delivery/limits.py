"""The figures that deliveries are made by, each with its arithmetic. An operator chooses none of them but what a lease follows from.

All times are ms of task time.
"""

from typing import Final

import msgspec

from causeline.schemas.records.delivery_work import MAX_FOUND_BYTES

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


class DeliveryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a delivery, a subscription, and a partition.

    `lease_ms`: how long an attempt (or a reading of the log) is waited for until it is handed out again. It is what an attempt may wait for
    a worker (`begin_ms`: one that died is replaced by then), what it may take (`delivery_timeout`, a step of reading 20 s), and some
    seconds for what is around it: a subscription that is not known yet (5 s), what changed (2 s), the report. `attempts` and `expire_ms`:
    how often, and how long after the first attempt, a notification is tried. `limited_ms`: how long a 429 without `Retry-After` holds a
    subscription; no endpoint is waited for longer than `wait_at_most_ms`.

    `waiting` and `waiting_bytes`: what of one subscription is held in memory; the rest stays in the log. `held_bytes`: what a partition
    holds; a quarter of it is kept for what is read again, so that subscriptions that fill memory do not hold up the others. A notification
    counts as its record and `weight`: objects and keys, rounded up. `found_bytes`: the records that one reading brings.

    `under_way` bounds the attempts of a partition that are handed out and not reported: at first, at least, and at most. It follows how
    long they wait for a worker: one more for each that waited less than `queue_short_ms`, one less for each that waited longer than
    `queue_long_ms`. At first 256: a worker reports within 0.3 s and makes some 800/s. At least 16: with 64 partitions and one worker of
    50/s they wait 20 s. At most 8,192: ten seconds of 800/s. While it grows, what is handed out waits about twice as long as what is
    reported did, 10 s to 20 s: well below `begin_ms`.

    `forget_ms`: how long a deleted subscription is remembered, and notifications of one that nobody set up are kept; longer than
    one partition of the processors lags behind another. `threads`: problems of one subscription whose thread is remembered.
    """

    lease_ms: int = 75 * _SECOND
    begin_ms: int = 45 * _SECOND
    attempts: int = 10
    expire_ms: int = 4 * _DAY
    limited_ms: int = 30 * _SECOND
    wait_at_most_ms: int = _DAY
    window_start: int = 4
    window_most: int = 256
    breaker_failures: int = 5
    breaker_ms: int = 30 * _SECOND
    breaker_most_ms: int = 5 * _MINUTE
    waiting: int = 1_000
    waiting_bytes: int = 4 << 20
    held_bytes: int = 256 << 20
    found_bytes: int = MAX_FOUND_BYTES
    weight: int = 1_024
    tests: int = 16
    threads: int = 1_000
    under_way: int = 256
    under_way_least: int = 16
    under_way_most: int = 8_192
    queue_short_ms: int = 5 * _SECOND
    queue_long_ms: int = 10 * _SECOND
    health_ms: int = 5 * _SECOND
    room_ms: int = 5 * _SECOND
    read_again_ms: int = _SECOND
    forget_ms: int = _DAY


DELAYS_MS: Final = (
    5 * _SECOND,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""Standard Webhooks, "Deliverability and reliability": after the first attempt (at once), before the second, the third, …: 75 h 35 min."""
