"""How hard an endpoint is tried: the window (attempts at once, as TCP's) and the breaker (none at all while it is broken). Pure values.

`TRANSITIONS` in words: closed, five failures in a row, open; open, its time is over, half open with one probe; half open, a failure,
open for twice as long; any success, closed. A 429 is no failure: the endpoint lives.
"""

from typing import Final

import msgspec

from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.retries import jitter
from causeline.schemas.records.delivery import BreakerState

_MAX_DOUBLINGS: Final = 16


class Breaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """`failures` in a row; `opened`: how many times in a row; `until`: when a probe may be made (ms of task time)."""

    state: BreakerState = "closed"
    failures: int = 0
    opened: int = 0
    until: int = 0


CLOSED_BREAKER: Final = Breaker()


def after_failure(breaker: Breaker, now: int, salt: str, limits: DeliveryLimits) -> Breaker:
    """Return the breaker after a failed attempt. While it is open nothing changes: those attempts were under way before."""
    if breaker.state == "open":
        return breaker
    failures = breaker.failures + 1
    if breaker.state == "closed" and failures < limits.breaker_failures:
        return Breaker("closed", failures)
    openings = breaker.opened + 1
    delay = min(limits.breaker_ms << min(openings - 1, _MAX_DOUBLINGS), limits.breaker_most_ms)
    return Breaker("open", failures, openings, now + jitter(delay, salt, openings))


def after_limit(breaker: Breaker, until: int) -> Breaker:
    """Return the breaker after a 429: a probe that met one is made again when the endpoint wants it."""
    if breaker.state == "half_open":
        return Breaker("open", breaker.failures, breaker.opened, until)
    return breaker


def probing(breaker: Breaker) -> Breaker:
    """Return the breaker with its probe under way."""
    return Breaker("half_open", breaker.failures, breaker.opened, breaker.until)


def widen_window(window: int, limits: DeliveryLimits) -> int:
    """Return the window after a success: one more, so that it doubles while all of it succeeds."""
    return min(window + 1, limits.window_most)


def narrow_window(window: int, status: int) -> int:
    """Return the window after a failure: half of it, or one where nobody answered (`status` 0)."""
    return max(window // 2, 1) if status else 1
