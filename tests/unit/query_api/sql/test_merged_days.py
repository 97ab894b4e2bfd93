"""The spans of a window: merged days, and what is left to FINAL, are the window."""

from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.questions.query import CountedBy, EventFilter
from causeline.query_api.sql.merged_days import (
    MergedDay,
    TablePart,
    TimeSpan,
    count_by_day,
    is_counted_by_day,
    merged_days,
    merged_spans,
    other_spans,
)
from causeline.schemas.values.times import MAX_MS, MIN_MS

DAY = 86_400_000


def ms(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000


def part(path: str, low: int, high: int, level: int = 1) -> TablePart:
    """A part whose first and last row are at these times (ms) of one month."""
    return TablePart(f"{datetime.fromtimestamp(low / 1_000, UTC):%Y%m}", path, level, low // 1_000, high // 1_000)


def window(low: int | None, high: int | None) -> EventFilter:
    return EventFilter(tenant="t", from_ms=low, to_ms=high)


@st.composite
def _parts(draw: st.DrawFn) -> list[TablePart]:
    parts = []
    for number in range(draw(st.integers(0, 12))):
        start, end = ms(2026, month := draw(st.integers(1, 3))), ms(2026, month + 1)
        low, high = sorted(draw(st.tuples(st.integers(start, end - 1), st.integers(start, end - 1))))
        parts.append(part(f"/{number}", low, high, draw(st.integers(0, 2))))
    return parts


_times = st.none() | st.integers(ms(2025, 12), ms(2026, 5))


@given(_parts(), _times, _times)
def test_merged_days_and_the_other_spans_are_the_window_without_a_gap_or_an_overlap(
    parts: list[TablePart], low: int | None, high: int | None
) -> None:
    where = window(low, high)
    merged = merged_spans(merged_days(where, parts))
    spans = sorted([*merged, *other_spans(where, merged)])
    first, last = MIN_MS if low is None else low, MAX_MS + 1 if high is None else high
    if first >= last:
        assert not merged
        return
    assert (spans[0].from_ms, spans[-1].to_ms) == (first, last)
    assert all(one.to_ms == other.from_ms for one, other in pairwise(spans))
    assert all(one.to_ms < other.from_ms for one, other in pairwise(merged)), "adjoining days are one span"


@given(_parts(), _times, _times)
def test_a_merged_day_is_a_whole_day_of_the_window_in_one_part_alone_that_a_merge_made(
    parts: list[TablePart], low: int | None, high: int | None
) -> None:
    first, last = MIN_MS if low is None else low, MAX_MS + 1 if high is None else high
    expected = set()
    for day in range(ms(2026, 1), ms(2026, 4), DAY):
        there = [each for each in parts if each.first_s * 1_000 < day + DAY and day <= each.last_s * 1_000 + 999]
        if first <= day and day + DAY <= last and len(there) == 1 and there[0].level > 0:
            expected.add(MergedDay(day // DAY, there[0].path))
    assert merged_days(window(low, high), parts) == expected


def test_a_year_of_merged_months_is_one_span_between_the_hours_at_its_ends() -> None:
    year = [part(f"/{month}", ms(2025, month), ms(2025 + month // 12, month % 12 + 1) - 1) for month in range(1, 13)]
    where = window(ms(2025, 2) + 1, ms(2026, 2))
    spans = merged_spans(merged_days(where, year))
    assert spans == [TimeSpan(ms(2025, 2, 2), ms(2026, 1))]
    assert other_spans(where, spans) == [TimeSpan(ms(2025, 2) + 1, ms(2025, 2, 2)), TimeSpan(ms(2026, 1), ms(2026, 2))]


def test_one_late_row_leaves_one_day_of_its_month_to_final() -> None:
    month, late = part("/1", ms(2025, 3), ms(2025, 4) - 1, level=7), part("/2", ms(2025, 3, 9), ms(2025, 3, 9), level=0)
    where = window(ms(2025, 3), ms(2025, 4))
    assert other_spans(where, merged_spans(merged_days(where, [month, late]))) == [TimeSpan(ms(2025, 3, 9), ms(2025, 3, 10))]


def test_a_part_whose_times_the_engine_cannot_tell_may_have_rows_on_any_day_of_its_month() -> None:
    """Its times have 32 bits: what is in 2206 lies 136 years before, where the month is not."""
    beyond = TablePart("220612", "/1", 1, ms(2206, 12, 5) // 1_000 - (1 << 32), ms(2206, 12, 7) // 1_000 - (1 << 32))
    assert beyond.days() == range(ms(2206, 12) // DAY, ms(2207, 1) // DAY)
    other = msgspec.structs.replace(beyond, path="/2", first_s=beyond.first_s + 20 * 86_400, last_s=beyond.last_s + 20 * 86_400)
    assert not merged_days(window(None, None), [beyond, other])


def test_of_more_spans_than_a_statement_should_have_the_longest_are_taken() -> None:
    odd = [MergedDay(day, "/1") for day in range(1, 80_000, 2)]
    spans = merged_spans([*odd, MergedDay(40_000, "/1")])
    assert len(spans) == 32
    assert TimeSpan(39_999 * DAY, 40_002 * DAY) in spans
    assert len(count_by_day(window(None, None), odd).text) < 20_000


@pytest.mark.parametrize(
    ("where", "step_ms", "by", "expected"),
    [
        (window(0, 8 * DAY), DAY, "kind", True),
        (window(None, None), MAX_MS + 1, "environment", True),
        (window(0, 8 * DAY - 1), DAY, "kind", False),
        (window(0, 365 * DAY), DAY // 2, "kind", False),
        (window(0, 365 * DAY), DAY, "service", False),
        (window(0, 365 * DAY), DAY, "priority", False),
        (EventFilter(tenant="t", dialects=("tracker",), kinds=("a",), exclude_kinds=("b",), statuses=("c",)), DAY, "status", True),
        (EventFilter(tenant="t", groups=()), DAY, "kind", False),
        (EventFilter(tenant="t", groups=("a",)), DAY, "kind", False),
        (EventFilter(tenant="t", services=("a",)), DAY, "kind", False),
        (EventFilter(tenant="t", words="a"), DAY, "kind", False),
    ],
)
def test_only_wide_windows_of_whole_days_and_of_the_columns_of_the_projection_are_counted_by_day(
    where: EventFilter, step_ms: int, by: CountedBy, *, expected: bool
) -> None:
    assert is_counted_by_day(where, step_ms, by) is expected
