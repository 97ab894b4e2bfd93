"""Times of Tracker: ISO 8601 in, RFC 3339 out, int milliseconds UTC between.

Tracker's document says "ISO 8601" and shows both `2024-01-15T10:00:00Z` and the bare date `2024-01-01`. A time without an offset is UTC,
a date is its first moment.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from causeline.schemas.times import MAX_MS, MIN_MS, rfc3339, within_range

DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_SHOWN: Final = 60


class Moment(NamedTuple):
    """A time in ms UTC, and whether the text named a whole day."""

    ms: int
    is_date: bool


def moment(text: str) -> Moment:
    """Return the moment of an ISO 8601 date or date-time, of any year. Raises ValueError."""
    try:
        try:
            read, is_date = datetime.combine(date.fromisoformat(text), time(), UTC), True
        except ValueError:
            read, is_date = datetime.fromisoformat(text.upper()), False  # RFC 3339 allows t and z
    except ValueError:
        raise ValueError(f"{text[:_SHOWN]!r} is not an ISO 8601 date or time such as 2024-01-15T10:00:00Z") from None
    aware = read if read.tzinfo else read.replace(tzinfo=UTC)
    return Moment((aware - _EPOCH) // _MS, is_date)


def event_time(text: str) -> int:
    """Return an event's time in ms UTC. Raises ValueError, also for a year outside 1970 to 2261."""
    return within_range(moment(text).ms)


def clamped(ms: int) -> int:
    """Return the nearest time that an event can have: a filter may ask for more than there can be."""
    return min(max(ms, MIN_MS), MAX_MS + 1)


def shown(text: str) -> str:
    """Return a time as it was sent if that is RFC 3339 (offset and nanoseconds kept), else the same time as RFC 3339."""
    return text if _RFC_3339.fullmatch(text) else rfc3339(event_time(text))
