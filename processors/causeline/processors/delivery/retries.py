"""When an attempt that failed is made again, and which one was the last. Pure: the jitter is a hash, so that a replay decides alike."""

from typing import Final
from zlib import crc32

from causeline.processors.delivery.limits import DELAYS_MS, DeliveryLimits

_PER_MILLE: Final = 1_000
_SPREAD: Final = 100


def jitter(delay_ms: int, salt: str, number: int) -> int:
    """Return a delay moved by at most 10 % either way: what failed together does not come back together."""
    per_mille = _PER_MILLE - _SPREAD + crc32(f"{salt} {number}".encode()) % (2 * _SPREAD + 1)
    return delay_ms * per_mille // _PER_MILLE


def is_last(failures: int, first_at: int, now: int, limits: DeliveryLimits) -> bool:
    """Return whether a notification is given up now that an attempt failed; `failures` are those that count."""
    return failures >= limits.attempts or now - first_at >= limits.expire_ms


def next_at(failures: int, retry_after_ms: int, salt: str, now: int, limits: DeliveryLimits) -> int:
    """Return when to try again after so many failures (from 1), not before the receiver wants it, but within a day."""
    delay = jitter(DELAYS_MS[min(failures, len(DELAYS_MS)) - 1], salt, failures)
    return now + max(delay, clamp_retry_after(retry_after_ms, limits))


def clamp_retry_after(retry_after_ms: int, limits: DeliveryLimits) -> int:
    """Return how long a receiver may ask us to wait (`Retry-After`)."""
    return min(max(retry_after_ms, 0), limits.wait_at_most_ms)


def held_ms(retry_after_ms: int, limits: DeliveryLimits) -> int:
    """Return how long a subscription is left alone whose endpoint said 429."""
    return clamp_retry_after(retry_after_ms, limits) or limits.limited_ms
