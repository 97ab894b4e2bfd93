"""Times on the wire: RFC 3339 or ISO 8601 text or milliseconds since the epoch outside, int milliseconds UTC inside.

Every API reads its times here, so that each form costs the same: a text is bounded before it is looked at, and looked at once.

Why a range: a column `DateTime64(3)` holds 1900 to 2299, an id carries only times from 1970 on, and readers that count nanoseconds in
64 bits end in 2262. What lies outside is refused at the door instead of being clamped silently by the store.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Final, NamedTuple

import msgspec

MIN_MS: Final = 0
MAX_MS: Final = 9_214_646_399_999
"""1970-01-01T00:00:00.000Z and 2261-12-31T23:59:59.999Z, both accepted."""

MAX_TIME_TEXT: Final = 64
"""Characters of a time: the longest useful one, nanoseconds and an offset, has 35."""

_SECONDS: Final = range(1_000_000_000, 10_000_000_000)
"""Read as seconds these are the years 2001 to 2286, read as milliseconds January to April 1970: nobody means the latter."""

_DAY: Final = len("2026-11-28")
_MINUTE: Final = len("2026-11-28T16:00")
_SHOWN: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_AWARE: Final = Annotated[datetime, msgspec.Meta(tz=True)]


class Moment(NamedTuple):
    """A time in ms UTC, and whether the text named a whole day."""

    ms: int
    is_date: bool


@lru_cache(maxsize=4096)
def rfc3339(ms: int) -> str:
    """Return a time (ms UTC) as RFC 3339 text in UTC with three decimals: `2026-11-21T06:30:00.000Z`."""
    return (_EPOCH + ms * _MS).isoformat(timespec="milliseconds")[:-6] + "Z"


def ms_of(text: str) -> int:
    """Return the time (ms UTC) of an RFC 3339 text, seconds optional; finer digits are cut off.

    Raises ValueError where it is no such time with an offset, has more than LONGEST characters, or lies outside MIN_MS..MAX_MS.
    """
    try:
        ms = (_aware(text) - _EPOCH) // _MS
    except (msgspec.ValidationError, OverflowError) as error:
        raise ValueError(f"{text[:MAX_TIME_TEXT]!r} is not an RFC 3339 time with an offset, such as 2026-11-21T06:30:00Z") from error
    return within_range(ms)


def _aware(text: str) -> datetime:
    if len(text) > MAX_TIME_TEXT:
        raise OverflowError
    moment: datetime
    try:
        moment = msgspec.convert(text, _AWARE)
    except msgspec.ValidationError:
        if text[_MINUTE : _MINUTE + 1] not in ("Z", "z", "+", "-"):  # `2026-11-28T16:00Z`: ISO 8601, and what people write
            raise
        moment = msgspec.convert(f"{text[:_MINUTE]}:00{text[_MINUTE:]}", _AWARE)
    return moment


def parse_moment(text: str) -> Moment:
    """Return the moment of an ISO 8601 date or date-time, of any year; without an offset it is UTC. Raises ValueError."""
    short_text = text if len(text) <= MAX_TIME_TEXT else ""
    try:
        try:
            moment, is_date = datetime.combine(date.fromisoformat(short_text), time(), UTC), True
        except ValueError:
            moment, is_date = datetime.fromisoformat(short_text.upper()), False  # RFC 3339 allows t and z
    except ValueError:
        raise ValueError(f"{text[:_SHOWN]!r} is not an ISO 8601 date or time such as 2024-01-15T10:00:00Z") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Moment((aware - _EPOCH) // _MS, is_date)


def event_time(text: str) -> int:
    """Return the time (ms UTC) of an ISO 8601 date or date-time, UTC without an offset. Raises ValueError, also outside MIN_MS..MAX_MS."""
    return within_range(parse_moment(text).ms)


def day_start(text: str) -> int:
    """Return the first moment (ms UTC) of a date such as `2026-11-28`. Raises ValueError, also where it lies outside MIN_MS..MAX_MS."""
    return within_range((datetime.combine(date.fromisoformat(text), time(), UTC) - _EPOCH) // _MS)


def is_day(text: str) -> bool:
    """Say whether a text has the form of a date such as `2026-11-28`, whether there is such a day or not."""
    return len(text) == _DAY and text[4] == text[7] == "-" and f"{text[:4]}{text[5:7]}{text[8:]}".isdecimal() and text.isascii()


def with_plus(text: str) -> str:
    """Return the text of a query with the `+` of its offset: one that was not percent-encoded arrives as a blank."""
    if len(text) > MAX_TIME_TEXT:
        return text
    head, blank, offset = text.rpartition(" ")
    hours = offset.replace(":", "", 1)
    return f"{head}+{offset}" if blank and ":" in head and len(hours) == len("0200") and hours.isdecimal() else text


def epoch_ms(number: int) -> int:
    """Return the time of a number of milliseconds since the epoch. Raises ValueError for what looks like seconds, or is out of range."""
    if looks_like_seconds(number):
        raise ValueError(f"{number} looks like seconds: a number is milliseconds since the epoch")
    return within_range(number)


def looks_like_seconds(number: int) -> bool:
    """Say whether a number of milliseconds was surely meant to be one of seconds."""
    return number in _SECONDS


def within_range(ms: int) -> int:
    """Return the time unchanged. Raises ValueError outside MIN_MS..MAX_MS."""
    if MIN_MS <= ms <= MAX_MS:
        return ms
    raise ValueError(f"the time must lie between {rfc3339(MIN_MS)} and {rfc3339(MAX_MS)}")
