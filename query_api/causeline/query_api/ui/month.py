"""A month as a table of weeks, Monday first, with what is planned on each day. Pure; days are those of UTC."""

import calendar
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from causeline.query_api.ui.plans import ChangePlan
from causeline.schemas.web.errors import FieldError, Invalid

_MONTH: Final = re.compile(r"(20\d\d|19[7-9]\d|21\d\d)-(0[1-9]|1[0-2])")
_MOST_OF_A_DAY: Final = 5
"""Plans that stand in the cell of a day; of more it says how many."""


class CalendarMonth(NamedTuple):
    """A month of UTC: its text (`2026-12`), and [from_ms, to_ms)."""

    text: str
    from_ms: int
    to_ms: int
    before: str
    after: str


class CalendarDay(NamedTuple):
    """A day in the table: what is planned then, the first ones, and how many more. `is_of_month`: else it fills up a week."""

    day: date
    is_of_month: bool
    plans: Sequence[ChangePlan]
    more: int


def read_month(text: str, now: int) -> CalendarMonth:
    """Return the month of an address, without a text that of now (ms UTC). Raises Invalid."""
    text = text or f"{datetime.fromtimestamp(now / 1_000, UTC):%Y-%m}"
    parts = _MONTH.fullmatch(text)
    if parts is None:
        raise Invalid.naming([FieldError("month", "is not a month such as 2026-12")], where="QUERY")
    first = date(int(parts[1]), int(parts[2]), 1)
    after = (first + timedelta(days=31)).replace(day=1)
    return CalendarMonth(text, _start_of(first), _start_of(after), f"{first - timedelta(days=1):%Y-%m}", f"{after:%Y-%m}")


def lay_out_month(month: CalendarMonth, plans: Iterable[ChangePlan]) -> list[list[CalendarDay]]:
    """Return the weeks of a month, each plan on all days that it touches: one that ends at midnight not on the day that begins then."""
    all_plans = list(plans)
    first = date.fromisoformat(f"{month.text}-01")
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    return [[_day(day, day.month == first.month, all_plans) for day in week] for week in weeks]


def _day(day: date, is_of_month: bool, plans: Sequence[ChangePlan]) -> CalendarDay:  # noqa: FBT001 - a fact of the day
    start, end = _start_of(day), _start_of(day + timedelta(days=1))
    own = [plan for plan in plans if plan.start < end and max(plan.end, plan.start + 1) > start]
    return CalendarDay(day, is_of_month, own[:_MOST_OF_A_DAY], len(own) - _MOST_OF_A_DAY)


def _start_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000
