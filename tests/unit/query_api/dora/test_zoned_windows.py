"""Windows in a zone: days of 23 and 25 hours, dates that never were, and steps that are the window again."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.dora.windows import Calendar, SeriesStep, ZonedSpan, ZonedWindow, buckets, first_instant, zone_of
from tests.unit.query_api.dora.dora_samples import DAY, HOUR

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "America/St_Johns",
        "America/Havana",
        "Asia/Kathmandu",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "Africa/Casablanca",
        "Atlantic/Azores",
    ]
)
STEPS: st.SearchStrategy[SeriesStep] = st.sampled_from(["day", "week", "month"])


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@st.composite
def zoned_windows(draw: st.DrawFn) -> ZonedWindow:
    start = draw(st.integers(utc("1986-01-01"), utc("2030-01-01")))
    return ZonedWindow(start, start + draw(st.integers(1, 100 * DAY)), draw(ZONES))


@given(zoned_windows(), STEPS)
def test_steps_partition_the_window(window: ZonedWindow, step: SeriesStep) -> None:
    spans = buckets(window, step)
    assert (spans[0].start, spans[-1].end) == (window.start, window.end)
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert all(span.start < span.end for span in spans)


@given(zoned_windows(), STEPS)
def test_the_days_of_the_steps_are_those_of_the_window(window: ZonedWindow, step: SeriesStep) -> None:
    calendar = Calendar(window)
    days = [calendar.over(span).days for span in buckets(window, step)]
    assert sum(days) == pytest.approx(calendar.over(window.span).days)
    if step == "day":
        assert all(0 < each <= 1 for each in days)


@given(zoned_windows())
def test_an_instant_lies_in_the_day_of_its_bucket(window: ZonedWindow) -> None:
    calendar = Calendar(window)
    for number, span in enumerate(buckets(window, "day")):
        assert calendar.day_at(span.start) == calendar.day_at(span.end - 1) == number


@given(zoned_windows(), STEPS)
def test_whole_weeks_of_the_steps_are_whole_weeks_of_the_window(window: ZonedWindow, step: SeriesStep) -> None:
    calendar = Calendar(window)
    whole = calendar.over(window.span).weeks
    parts = [week for span in buckets(window, step) for week in calendar.over(span).weeks]
    assert set(parts) <= set(whole)
    if step == "week":
        assert parts == list(whole)


@given(st.dates(date(1986, 1, 1), date(2037, 1, 1)), ZONES)
def test_a_date_begins_at_the_first_instant_that_a_clock_shows_it(day: date, tz: str) -> None:
    zone = ZoneInfo(tz)
    first = first_instant(day, zone)

    def shown(at: int) -> date:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone).date()

    assert shown(first) >= day
    assert shown(first - 1) < day


@pytest.mark.parametrize(
    ("tz", "day", "start", "hours"),
    [
        ("UTC", "2024-03-31", "2024-03-31T00:00", 24),
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00", 23),  # clocks go forward in the night
        ("Europe/Berlin", "2024-10-27", "2024-10-26T22:00", 25),  # and back
        ("Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00", 24.5),  # by half an hour
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", 23),  # there was no midnight: the day began at one o'clock
        ("America/Havana", "2024-11-03", "2024-11-03T04:00", 25),  # midnight came twice: the first one counts
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00", 23),
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30", 25),  # back over midnight, a minute after it
    ],
)
def test_days_are_as_long_as_clocks_make_them(tz: str, day: str, start: str, hours: float) -> None:
    zone = ZoneInfo(tz)
    first, following = first_instant(date.fromisoformat(day), zone), first_instant(date.fromisoformat(day) + timedelta(1), zone)
    assert first == utc(start)
    assert (following - first) / HOUR == hours
    window = ZonedWindow(first, following, tz)
    assert buckets(window, "day") == [ZonedSpan(first, following)]
    assert Calendar(window).over(window.span).days == 1


def test_a_date_that_was_left_out_has_no_bucket() -> None:
    zone = zone_of("Pacific/Apia")
    before, skipped, after = (first_instant(date(2011, 12, day), zone) for day in (29, 30, 31))
    assert skipped == after == utc("2011-12-30T10:00")
    window = ZonedWindow(before, first_instant(date(2012, 1, 2), zone), "Pacific/Apia")
    spans = buckets(window, "day")
    assert [span.start for span in spans] == [before, after, after + DAY]
    assert Calendar(window).over(window.span).days == 3


def test_a_week_without_one_of_its_dates_is_whole() -> None:
    zone = zone_of("Pacific/Apia")
    window = ZonedWindow(first_instant(date(2011, 12, 26), zone), first_instant(date(2012, 1, 2), zone), "Pacific/Apia")
    assert Calendar(window).over(window.span).weeks == (range(6),)


@pytest.mark.parametrize(
    ("start", "end", "step", "edges"),
    [
        ("2024-01-31T12:00", "2024-03-01T12:00", "month", ["2024-02-01T00:00", "2024-03-01T00:00"]),
        ("2023-12-15T00:00", "2024-01-15T00:00", "month", ["2024-01-01T00:00"]),
        ("2024-01-03T00:00", "2024-01-16T00:00", "week", ["2024-01-08T00:00", "2024-01-15T00:00"]),  # Mondays
        ("2024-01-01T00:00", "2024-01-15T00:00", "week", ["2024-01-08T00:00"]),
        ("2024-01-01T06:00", "2024-01-01T18:00", "day", []),
    ],
)
def test_steps_begin_where_the_calendar_says_and_are_cut_at_the_window(start: str, end: str, step: SeriesStep, edges: list[str]) -> None:
    window = ZonedWindow(utc(start), utc(end))
    assert buckets(window, step) == [ZonedSpan(*each) for each in pairwise([window.start, *map(utc, edges), window.end])]


def test_days_count_by_their_share() -> None:
    window = ZonedWindow(utc("2024-01-01T12:00"), utc("2024-01-03T06:00"))
    assert Calendar(window).over(window.span).days == 0.5 + 1 + 0.25
    berlin = ZonedWindow(utc("2024-03-30T23:00"), utc("2024-03-31T00:00"), "Europe/Berlin")
    assert Calendar(berlin).over(berlin.span).days == 1 / 23


@pytest.mark.parametrize("tz", ["", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "Europe", "x" * 5_000, "Europe/Berlin\0", "é"])
def test_what_is_no_zone_is_refused(tz: str) -> None:
    with pytest.raises(ValueError, match="is no IANA time zone"):
        ZonedWindow(0, 1, tz)


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="from must be before to"):
        ZonedWindow(5, 5)
