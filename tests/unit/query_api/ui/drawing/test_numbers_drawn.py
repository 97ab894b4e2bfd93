"""Pictures of numbers: what is unknown is a gap, what is wrong is never hidden, size says how often, and nothing is inline."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.ui.drawing.funnel import draw_funnel, draw_reach
from causeline.query_api.ui.drawing.heatmap import WeekHour, draw_heatmap
from causeline.query_api.ui.drawing.state_line import StateSpan, draw_state_line, gather_spans
from causeline.query_api.ui.drawing.trend import TrendPoint, draw_trend, largest_value

DAY = 86_400_000
HOSTILE = '"><script>alert(1)</script>'


def span(start: int, end: int | None, name: str = "p") -> StateSpan:
    return StateSpan(start, end, name, f"/problems/{name}")


def widths(svg: str, class_: str) -> list[float]:
    return [float(width) for width in re.findall(rf'class="{class_}"[^>]*? width="([\d.]+)"', svg)]


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    svg = draw_trend([TrendPoint(value, f"week {number}") for number, value in enumerate((1.0, None, 2.0, 3.0))], "weeks")
    assert (svg.count('class="line"'), svg.count('class="point"'), svg.count('class="unknown"')) == (1, 3, 1)
    assert 'role="img"' in svg


def test_a_scale_begins_at_nothing_and_holds_every_interval() -> None:
    points = [TrendPoint(0.2, "a", "/a", (0.1, 0.5)), TrendPoint(0.0, "b", "/b", (0.0, 0.3)), TrendPoint(None, "c", "/c")]
    assert largest_value(points) == 0.5
    assert largest_value([]) == 0
    svg = draw_trend(points, "shares")
    assert svg.count("<a ") == 3
    assert svg.count('class="interval"') == 2
    assert 'role="group"' in svg


def test_of_nothing_there_is_a_picture_too() -> None:
    assert "<svg" in draw_trend([], "nothing")
    assert "<svg" in draw_trend([TrendPoint(0.0, "a")], "zero")
    assert "<svg" in draw_heatmap({}, "nothing", "#d")
    assert "<svg" in draw_funnel((0, 0, 0), "nothing")
    assert "<svg" in draw_reach(0.0, 0.0, 0.0, 0.0, "nothing")
    assert 'class="trouble"' not in draw_state_line([], 0, DAY, "calm", "#list")


def test_problems_that_lie_on_each_other_are_one_mark_that_says_how_many() -> None:
    svg = draw_state_line([span(0, DAY, "a"), span(DAY, 2 * DAY, "b"), span(20 * DAY, None, "c")], 0, 30 * DAY, "line", "#problems")
    assert 'href="#problems" aria-label="2 problems, the first: a"' in svg
    assert 'href="/problems/c" aria-label="c"' in svg
    assert svg.count('class="goes-on"') == 1


@given(st.lists(st.tuples(st.integers(-5 * DAY, 35 * DAY), st.none() | st.integers(0, 40 * DAY)), max_size=60))
def test_no_problem_is_hidden_and_no_mark_is_too_small_or_outside(pairs: list[tuple[int, int | None]]) -> None:
    spans = [span(start, None if length is None else start + length, str(number)) for number, (start, length) in enumerate(pairs)]
    marks = gather_spans(spans, 0, 30 * DAY)
    assert sorted(one.name for mark in marks for one in mark.spans) == sorted(one.name for one in spans)
    assert all(mark.left >= 0 and mark.right <= 900 and mark.right - mark.left >= 6 for mark in marks)
    assert all(left.right < right.left for left, right in itertools.pairwise(marks))


def test_a_square_is_as_large_as_its_count_and_says_it() -> None:
    svg = draw_heatmap({WeekHour(1, 9): 100, WeekHour(1, 10): 25, WeekHour(7, 23): 1}, "ends", "#day-")
    assert widths(svg, "heat") == [20.0, 10.0, 4.0]
    assert "Sunday, 23:00 to 24:00: 1" in svg
    assert svg.count('href="#day-') == 7
    assert 'aria-label="Monday: 125"' in svg


def test_a_funnel_narrows_by_shares_of_the_first_and_a_bar_reaches_on_a_common_scale() -> None:
    assert [widths(draw_funnel((200, 100, 50), "f"), f"step-{step}")[0] for step in range(3)] == [200.0, 100.0, 50.0]
    svg = draw_reach(0.0, 30.0, 60.0, 120.0, "half within 30 s")
    assert widths(svg, "step-0") == [50.0]
    assert "H100.0" in svg


def test_names_are_text_and_nothing_is_inline() -> None:
    pictures = [
        draw_trend([TrendPoint(1.0, HOSTILE, f"/{HOSTILE}")], HOSTILE),
        draw_state_line([span(0, None, HOSTILE)], 0, DAY, HOSTILE, HOSTILE),
        draw_heatmap({WeekHour(1, 1): 1}, HOSTILE, HOSTILE),
        draw_funnel((1, 1), HOSTILE),
    ]
    assert not [svg for svg in pictures if "<script" in svg or " style=" in svg]
