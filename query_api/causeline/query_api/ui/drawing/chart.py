"""Numbers over time as lines, under the marks of what changed meanwhile: the charts of a server. Pure; times are ms UTC.

Lines differ by their dashes too, and the legend shows them. Where nothing was measured a line has a gap.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from math import floor, log10
from typing import Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.axis import AxisTick, place_ticks
from causeline.query_api.ui.drawing.lanes import Bin, TimeWindow, name_bin
from causeline.query_api.ui.drawing.marks import MARK_HEIGHT, draw_legend, draw_mark, shape_of
from causeline.query_api.ui.drawing.svg import picture, svg_element

_WIDTH: Final = 1_200
_TOP: Final = 36
_PLOT: Final = 150
_LEGEND: Final = 24
_ROUND: Final = (1, 2, 5, 10)
"""What the top of a scale is, times a power of ten."""


class ChartLine(NamedTuple):
    """A line: its name, and its points in the order of time, None where nothing was measured."""

    name: str
    points: Sequence[tuple[int, float | None]]


def draw_chart(title: str, unit: str, lines: Sequence[ChartLine], marks: Sequence[Bin], window: TimeWindow) -> Markup:
    """Return the picture of lines with one scale from 0, with marks above them and a thin line down from each."""
    top = _TOP + (MARK_HEIGHT if marks else 0)
    bottom = top + _PLOT
    highest = scale_top(max((value for line in lines for _, value in line.points if value is not None), default=0.0))
    scale = [_draw_level(highest * share, unit, bottom - _PLOT * share, window) for share in (0.0, 0.5, 1.0)]
    drops = svg_element("g", {"class": "drops"}, [_draw_drop(mark, window, top, bottom) for mark in marks]) if marks else Markup("")
    paths = [
        svg_element("path", {"class": f"line line-{number}", "d": _outline(line, window, bottom, highest)})
        for number, line in enumerate(lines)
    ]
    axis = svg_element("g", {"class": "axis"}, [_draw_time(tick, window, bottom) for tick in place_ticks(*window)])
    links = [draw_mark(window.place((one.start + one.end) / 2), _TOP, one.counts, name_bin(one), one.address) for one in marks]
    return picture(_WIDTH, bottom + _LEGEND, title, [axis, *scale, drops, *paths, *links, *_draw_legends(lines, marks, window, bottom)])


def scale_top(highest: float) -> float:
    """Return the least round number that a scale from 0 may end at; 1 where nothing is above 0."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** floor(log10(highest))
    return next((step * power for step in _ROUND if highest <= step * power), 10 * power)


def _outline(line: ChartLine, window: TimeWindow, bottom: int, highest: float) -> str:
    return "".join(
        "M" + "L".join(f"{window.place(at):.0f} {bottom - _PLOT * value / highest:.1f}" for at, value in stretch)
        for stretch in _stretches(line.points)
    )


def _stretches(points: Sequence[tuple[int, float | None]]) -> Iterator[list[tuple[int, float]]]:
    """Yield what was measured without a gap; a single point is drawn as a dot, a line of no length."""
    for is_gap, members in groupby(points, lambda point: point[1] is None):
        if not is_gap:
            stretch = [(at, value) for at, value in members if value is not None]
            yield stretch * 2 if len(stretch) == 1 else stretch


def _draw_level(value: float, unit: str, y: float, window: TimeWindow) -> Markup:
    left, right = round(window.place(window.from_ms)), round(window.place(window.to_ms))
    label = svg_element("text", {"class": "level", "x": left - 8, "y": round(y + 4)}, f"{value:g} {unit}")
    return svg_element("g", None, [svg_element("path", {"class": "floor", "d": f"M{left} {y:.0f}H{right}"}), label])


def _draw_time(tick: AxisTick, window: TimeWindow, bottom: int) -> Markup:
    x = round(window.place(tick.at))
    day = [svg_element("text", {"x": x, "y": 11}, tick.day)] if tick.day else []
    line = svg_element("path", {"d": f"M{x} {_TOP - 4}V{bottom}"})
    return svg_element("g", None, [line, *day, svg_element("text", {"x": x, "y": 25}, tick.label)])


def _draw_drop(mark: Bin, window: TimeWindow, top: int, bottom: int) -> Markup:
    return svg_element("path", {"d": f"M{window.place((mark.start + mark.end) / 2):.0f} {top}V{bottom}"})


def _draw_legends(lines: Sequence[ChartLine], marks: Sequence[Bin], window: TimeWindow, bottom: int) -> list[Markup]:
    x, y = round(window.place(window.from_ms)), bottom + 16
    samples = []
    for number, line in enumerate(lines):
        samples.append((svg_element("path", {"class": f"line line-{number}", "d": f"M{x} {y}h24"}), x + 30, line.name))
        x += 54 + 7 * len(line.name)
    parts = chain.from_iterable((path, svg_element("text", {"x": at, "y": y + 4}, name)) for path, at, name in samples)
    shapes = {shape_of(mark.counts) for mark in marks}
    return [svg_element("g", {"class": "names"}, parts), *([draw_legend(bottom + 7, x, shapes)] if shapes else [])]
