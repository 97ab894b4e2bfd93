"""Times of Tracker: ISO 8601 in, RFC 3339 out, int milliseconds UTC between.

Tracker's document says "ISO 8601" and shows both `2024-01-15T10:00:00Z` and the bare date `2024-01-01`. A time without an offset is UTC,
a date is its first moment.
"""

import re
from typing import Final

from causeline.schemas.values.times import MAX_MS, MIN_MS, event_time, rfc3339

DAY_MS: Final = 86_400_000
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def clamp(ms: int) -> int:
    """Return the nearest time that an event can have: a filter may ask for more than there can be."""
    return min(max(ms, MIN_MS), MAX_MS + 1)


def as_rfc3339(text: str) -> str:
    """Return a time as it was sent if that is RFC 3339 (offset and nanoseconds kept), else the same time as RFC 3339."""
    return text if _RFC_3339.fullmatch(text) else rfc3339(event_time(text))
