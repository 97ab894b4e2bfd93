"""Ids: 128 bits, assigned at ingest, reversible into each dialect's form.

A new event gets a UUIDv7 whose first 48 bits are the event's own time, so that access by id is a primary-key lookup. With an idempotency
key the id is a UUIDv5 of tenant and key, so that a retry gets the same id back. Randomness comes in as an argument.
"""

import hashlib
import re
from functools import lru_cache
from typing import Final

_MAX_UUID7_MS: Final = (1 << 48) - 1
_NS_PER_MS: Final = 1_000_000
_FRACTION_BITS: Final = 20
_RANDOM_BITS: Final = 54
_SIGN: Final = 1 << 63
_VARIANT: Final = 0b10 << 62
_VARIANT_DIGIT: Final = {f"{digit:x}": f"{digit & 0b11 | 0b1000:x}" for digit in range(16)}
_RAND_B: Final = (1 << 62) - 1
_RAND_A: Final = 0xFFF << 62
_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAMESPACE: Final = bytes.fromhex("6b1d1b0c5e2f4f0c9d3a7c2e8f4a1b60")


def _text(value: int) -> str:
    h = f"{value:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def uuid7(ts_ms: int, random: bytes) -> str:
    """Return the UUIDv7 text of a time (ms UTC, clamped to 48 bits) and 10 random bytes, 74 bits of which are in it (RFC 9562, 5.7)."""
    h = random.hex()
    return f"{_time_part(ts_ms)}{h[1:4]}-{_VARIANT_DIGIT[h[4]]}{h[5:8]}-{h[8:]}"


@lru_cache(maxsize=4096)
def _time_part(ts_ms: int) -> str:
    """Return the 15 characters that a time decides; times repeat within a request."""
    h = f"{min(max(ts_ms, 0), _MAX_UUID7_MS):012x}"
    return f"{h[:8]}-{h[8:]}-7"


def uuid7_ns(ts_ns: int, random: bytes) -> str:
    """Return the UUIDv7 text of a time (ns UTC, from 0): ids of one millisecond sort by their nanosecond (RFC 9562, 6.2, method 3).

    The 20 leftmost random bits hold the fraction of the millisecond: 2^20 steps tell its 10^6 nanoseconds apart. 54 random bits are left.
    """
    ms, rest = divmod(ts_ns, _NS_PER_MS)
    fraction = (rest << _FRACTION_BITS) // _NS_PER_MS
    bits = fraction << _RANDOM_BITS | int.from_bytes(random[:10]) & ((1 << _RANDOM_BITS) - 1)
    h = f"{(bits & _RAND_B | _VARIANT) | (bits & _RAND_A) << 2:019x}"
    return f"{_time_part(ms)}{h[:3]}-{h[3:7]}-{h[7:]}"


def uuid5(*parts: str) -> str:
    """Return the UUIDv5 text of the parts (tenant, key, …) under Causeline's own namespace (RFC 9562, 5.5)."""
    digest = hashlib.sha1(_NAMESPACE + "\x1f".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    value = int.from_bytes(digest[:16])
    value = (value & ~(0xF << 76)) | (0x5 << 76)
    return _text((value & ~(0b11 << 62)) | (0b10 << 62))


def ts_of(event_id: str) -> int | None:
    """Return the time (ms UTC) inside a UUIDv7 text, None for any other id."""
    if _UUID7.fullmatch(event_id) is None:
        return None
    return int(event_id[:8] + event_id[9:13], 16)


def signed_low(event_id: str) -> int:
    """Return the low 64 bits of a UUID text as a signed integer (DESK Events API v1, `storedEventIds`)."""
    low = int(event_id[19:23] + event_id[24:], 16)
    return low - (1 << 64) if low & _SIGN else low


def low_text(low: int) -> str:
    """Return the last two groups of the UUID text whose low 64 bits are `low`; the inverse of `signed_low`."""
    h = f"{low & ((1 << 64) - 1):016x}"
    return f"{h[:4]}-{h[4:]}"


def fingerprint(content: bytes) -> int:
    """Return a signed 64-bit hash of a request's content, never 0 (0 means: no idempotency key)."""
    value = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), signed=True)
    return value or 1
