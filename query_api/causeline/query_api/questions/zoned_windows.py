"""A window of time in a zone, as query parameters say it: from, to and tz; and the steps that it is cut into. Refused by name. Pure."""

from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from causeline.query_api.causes.kinds import DAY
from causeline.query_api.dora.windows import SeriesStep, ZonedSpan, ZonedWindow, buckets, first_instant, zone_of
from causeline.query_api.questions.parameters import ParsedParameters, parse_time
from causeline.schemas.values.times import MIN_MS, day_start, is_day, within_range

LONGEST_WINDOW: Final = 731 * DAY
"""ms: two years, a leap day included."""
DEFAULT_WINDOW: Final = 30 * DAY
MOST_BUCKETS: Final = 400
"""Of a series: a year of days and a month more."""
ZONED_MOMENT: Final = "RFC 3339 with any offset, a date (its first instant in `tz`), epoch milliseconds, or `now`, `now-30d`"


def zoned_window(arguments: ParsedParameters, tz: str) -> ZonedWindow:
    """Return the window that a request asks for, in the zone `tz` unless it names one. Raises Invalid where anything of it was refused."""
    name = arguments.text("tz") or tz
    zone = arguments.value("tz", zone_of, ZoneInfo("UTC")) if arguments.text("tz") else zone_of(tz)

    def moment(text: str) -> int:
        return _zoned_moment(text, zone, arguments.now)

    end = arguments.value("to", moment, arguments.now)
    start = arguments.value("from", moment, max(end - DEFAULT_WINDOW, MIN_MS))
    if start >= end:
        arguments.refuse("from", "must be before `to`")
    elif end - start > LONGEST_WINDOW:
        arguments.refuse("from", f"the window is longer than {LONGEST_WINDOW // DAY} days: narrow it")
    arguments.check()
    return ZonedWindow(start, end, name)


def steps_of(arguments: ParsedParameters, window: ZonedWindow, step: SeriesStep) -> list[ZonedSpan]:
    """Return the steps that a window is cut into. Raises Invalid where they are more than a series may have."""
    parts = buckets(window, step)
    if len(parts) > MOST_BUCKETS:
        arguments.refuse("step", f"a {step} makes {len(parts)} parts of the window, more than {MOST_BUCKETS}: ask for a longer one")
        arguments.check()
    return parts


def _zoned_moment(text: str, zone: ZoneInfo, now: int) -> int:
    """Return a time (ms UTC), a date as its first instant in the zone. Raises ValueError."""
    text = text.strip()
    if not is_day(text):
        return parse_time(text, now)
    day_start(text)  # far outside there are dates that no zone can read
    return within_range(first_instant(date.fromisoformat(text), zone))
