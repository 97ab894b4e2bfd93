"""Charts: one scale, gaps where nothing was measured, marks that are links, and nothing that a client wrote as markup."""

import re

from causeline.query_api.ui.drawing.chart import ChartLine, draw_chart, scale_top
from causeline.query_api.ui.drawing.lanes import Bin, TimeWindow

WINDOW = TimeWindow(0, 3_600_000)
MINUTE = 60_000


def outlines(svg: str) -> list[str]:
    return re.findall(r'class="line line-\d" d="([^"]*)"', svg)


def test_a_scale_ends_at_a_round_number_that_holds_all() -> None:
    tops = {0.0: 1.0, -3.0: 1.0, 0.03: 0.05, 1.0: 1.0, 1.01: 2.0, 4.9: 5.0, 5.1: 10.0, 1_001.0: 2_000.0}
    assert {highest: round(scale_top(highest), 9) for highest in tops} == tops


def test_a_line_has_a_gap_where_nothing_was_measured() -> None:
    points = [(MINUTE, 1.0), (2 * MINUTE, 2.0), (3 * MINUTE, None), (4 * MINUTE, 1.0)]
    (first, sample) = outlines(draw_chart("rate", "/s", [ChartLine("events", points)], [], WINDOW))
    assert first.count("M") == 2
    assert sample.endswith("h24")


def test_the_scale_is_one_of_all_lines_and_begins_at_nothing() -> None:
    lines = [ChartLine("half", [(MINUTE, 10.0)]), ChartLine("most", [(MINUTE, 73.0)])]
    levels = re.findall(r'class="level"[^>]*>([^<]*)<', draw_chart("times", "ms", lines, [], WINDOW))
    assert levels == ["0 ms", "50 ms", "100 ms"]


def test_a_mark_is_a_link_with_a_name_and_a_thin_line_down() -> None:
    marks = [Bin(MINUTE, 2 * MINUTE, {"deployment": 1}, "/events/1", '<b>"checkout"')]
    svg = draw_chart("rate", "/s", [], marks, WINDOW)
    assert 'href="/events/1"' in svg
    assert "&lt;b&gt;&#34;checkout&#34;" in svg
    assert svg.count('class="drops"') == 1
    assert "style=" not in svg


def test_a_chart_without_a_point_is_an_empty_scale() -> None:
    assert "1 s" in draw_chart("lag", "s", [ChartLine("sink", [])], [], WINDOW)
