"""Windows in a time zone: half-open, cut into days, ISO weeks or months, and how many calendar days they have.

A date is its first instant in the zone. Clocks change, so a day has 23 or 25 hours now and then, begins at one o'clock where midnight was
left out, and is no day at all where a whole date was (Pacific/Apia, 2011-12-30). Dates are worked out once for a window; instants are
then only compared, as there are many.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

SeriesStep = Literal["day", "week", "month"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_ONE: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_LONGEST_GAP: Final = 2 * 86_400_000
"""ms: no clock was ever put forward by more than a day."""


class ZonedSpan(NamedTuple):
    """A half-open span of time, ms UTC."""

    start: int
    end: int


class ZonedWindow(msgspec.Struct, frozen=True):
    """[start, end), ms UTC, and the zone whose days it has. Raises ValueError where it is empty or the zone is none."""

    start: int
    end: int
    tz: str = "UTC"

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("from must be before to")
        zone_of(self.tz)

    @property
    def span(self) -> ZonedSpan:
        """Return it without its zone."""
        return ZonedSpan(self.start, self.end)


def zone_of(tz: str) -> ZoneInfo:
    """Return an IANA zone by its name. Raises ValueError where there is none."""
    try:
        return ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:  # what is unknown, what is no key, what is a folder or too long
        raise ValueError(f"{tz[:64]!r} is no IANA time zone, such as Europe/Berlin") from error


def first_instant(day: date, zone: ZoneInfo) -> int:
    """Return when a date begins (ms UTC): its midnight, the first of two, or what follows where clocks left it out."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a reading of a clock on a wall
    at = (midnight.replace(tzinfo=zone) - _EPOCH) // _MS
    if _reading(at, zone) == midnight:
        return at
    before, after = at - _LONGEST_GAP, at
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _reading(middle, zone) >= midnight else (middle, after)
    return after


def _reading(at: int, zone: ZoneInfo) -> datetime:
    """Return what a clock on a wall shows at an instant."""
    return (_EPOCH + at * _MS).astimezone(zone).replace(tzinfo=None, fold=0)


def buckets(window: ZonedWindow, step: SeriesStep) -> list[ZonedSpan]:
    """Return the steps that a window touches, cut at it. Together they are the window; a step of skipped dates alone is left out."""
    zone = zone_of(window.tz)
    edges = [window.start]
    for day in _beginnings(_date_at(window.start, zone), step):
        edge = first_instant(day, zone)
        if edge >= window.end:
            break
        if edge > edges[-1]:
            edges.append(edge)
    return [ZonedSpan(start, end) for start, end in pairwise([*edges, window.end])]


def _beginnings(day: date, step: SeriesStep) -> Iterator[date]:
    """Yield the first dates of the steps after the one that a date is in."""
    while True:
        match step:
            case "day":
                day += _ONE
            case "week":
                day += _WEEK - _ONE * day.weekday()
            case "month":
                day = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        yield day


def _date_at(at: int, zone: ZoneInfo) -> date:
    """Return the last date that began by an instant. Not what the clock shows where it was put back over midnight."""
    day = _reading(at, zone).date()
    while first_instant(day + _ONE, zone) <= at:
        day += _ONE
    return day


class Calendar:
    """The days and ISO weeks that a window touches. Days are numbered from 0; skipped dates have no number."""

    def __init__(self, window: ZonedWindow) -> None:
        zone = zone_of(window.tz)
        day = _date_at(window.start, zone)
        edge = first_instant(day, zone)
        starts: list[int] = []
        weeks: list[ZonedSpan] = []
        week = _week_of(day, zone)
        while edge < window.end:
            following = first_instant(day + _ONE, zone)
            if following > edge:
                starts.append(edge)
                weeks.append(week)
            day, edge = day + _ONE, following
            if not day.weekday():
                week = _week_of(day, zone)
        self._starts: Final = starts
        self._edges: Final = [*starts, edge]
        self._weeks: Final = weeks

    @property
    def starts(self) -> Sequence[int]:
        """When the days begin (ms UTC), by number."""
        return self._starts

    def day_at(self, at: int) -> int:
        """Return the number of the day that an instant of the window lies in."""
        return bisect_right(self._starts, at) - 1

    def over(self, span: ZonedSpan) -> "SpanDays":
        """Return the days of a part of the window."""
        first, last = self.day_at(span.start), self.day_at(span.end - 1)
        days = 0.0
        weeks: dict[ZonedSpan, range] = {}
        for number in range(first, last + 1):
            start, end = self._edges[number], self._edges[number + 1]
            days += (min(end, span.end) - max(start, span.start)) / (end - start)
            week = self._weeks[number]
            if span.start <= week.start and week.end <= span.end:
                weeks[week] = range(weeks[week].start if week in weeks else number, number + 1)
        return SpanDays(self, days, tuple(weeks.values()))


class SpanDays(NamedTuple):
    """How many calendar days a span has, partial ones by their share, and the numbers of the days of each ISO week wholly inside."""

    calendar: Calendar
    days: float
    weeks: tuple[range, ...]


def _week_of(day: date, zone: ZoneInfo) -> ZonedSpan:
    monday = day - _ONE * day.weekday()
    return ZonedSpan(first_instant(monday, zone), first_instant(monday + _WEEK, zone))
