"""Times on the wire: RFC 3339 text or milliseconds since the epoch outside, int milliseconds UTC inside.

Why a range: a column `DateTime64(3)` holds 1900 to 2299, an id carries only times from 1970 on, and readers that count nanoseconds in
64 bits end in 2262. What lies outside is refused at the door instead of being clamped silently by the store.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

import msgspec

MIN_MS: Final = 0
MAX_MS: Final = 9_214_646_399_999
"""1970-01-01T00:00:00.000Z and 2261-12-31T23:59:59.999Z, both accepted."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_AWARE: Final = Annotated[datetime, msgspec.Meta(tz=True)]


@lru_cache(maxsize=4096)
def rfc3339(ms: int) -> str:
    """Return a time (ms UTC) as RFC 3339 text in UTC with three decimals: `2026-11-21T06:30:00.000Z`."""
    return (_EPOCH + ms * _MS).isoformat(timespec="milliseconds")[:-6] + "Z"


def ms_of(text: str) -> int:
    """Return the time (ms UTC) of an RFC 3339 text; finer digits are cut off.

    Raises ValueError where it is no RFC 3339 time with an offset, or lies outside MIN_MS..MAX_MS.
    """
    try:
        moment = msgspec.convert(text, _AWARE)
        ms = (moment - _EPOCH) // _MS
    except (msgspec.ValidationError, OverflowError) as error:
        raise ValueError(f"{text[:64]!r} is not an RFC 3339 time with an offset, such as 2026-11-21T06:30:00Z") from error
    return within_range(ms)


def within_range(ms: int) -> int:
    """Return the time unchanged. Raises ValueError outside MIN_MS..MAX_MS."""
    if MIN_MS <= ms <= MAX_MS:
        return ms
    raise ValueError(f"the time must lie between {rfc3339(MIN_MS)} and {rfc3339(MAX_MS)}")
