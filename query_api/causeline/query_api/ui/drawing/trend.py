"""One number over time: a line through what is known, a mark where nothing is, and the interval of each share. Pure.

The scale begins at nothing, so that what looks twice as much is twice as much.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.stretch import draw_point, draw_stroke, link_mark, stretched_picture
from causeline.query_api.ui.drawing.svg import svg_element

_WIDTH: Final = 600
_HEIGHT: Final = 100
_TOP: Final = 8
_BOTTOM: Final = 92
"""Where nothing and the largest value lie: points have room around them."""
_DASH: Final = 3.0


class TrendPoint(NamedTuple):
    """What a step of time shows: a value, None where it is not known; its name with both; its interval; and where it leads, '' nowhere."""

    value: float | None
    name: str
    address: str = ""
    interval: tuple[float, float] | None = None


def draw_trend(points: Sequence[TrendPoint], name: str, class_: str = "trend") -> Markup:
    """Return the picture of points, which are equally far apart, in order of time."""
    top = largest_value(points)
    step = _WIDTH / max(len(points), 1)
    places = [(step * (number + 0.5), point) for number, point in enumerate(points)]
    children = [draw_stroke(f"M0 {_BOTTOM}H{_WIDTH}", "axis"), *_line(places, top)]
    for x, point in places:
        marks = list(_marks(x, point, top))
        if point.address:
            ground = svg_element("rect", {"class_": "ground", "x": x - step / 2, "y": 0, "width": step, "height": _HEIGHT})
            marks = [link_mark(point.address, point.name, [ground, *marks])]
        children += marks
    return stretched_picture(_WIDTH, _HEIGHT, name, class_, children)


def largest_value(points: Iterable[TrendPoint]) -> float:
    """Return what the top of the picture stands for: the largest value, or end of an interval; 0 where nothing is known."""
    return max((max((point.value, *(point.interval or ()))) for point in points if point.value is not None), default=0.0)


def _line(places: Iterable[tuple[float, TrendPoint]], top: float) -> list[Markup]:
    """Return the line, with a gap wherever a value is not known."""
    return [
        draw_stroke(f"M{x:.1f} {_height(left.value, top):.1f}L{following:.1f} {_height(right.value, top):.1f}", "line")
        for (x, left), (following, right) in pairwise(places)
        if left.value is not None and right.value is not None
    ]


def _marks(x: float, point: TrendPoint, top: float) -> Iterable[Markup]:
    if point.value is None:
        yield draw_stroke(f"M{x - _DASH:.1f} {_BOTTOM - 2 * _DASH:.1f}h{2 * _DASH:.1f}", "unknown")
        return
    if point.interval is not None:
        low, high = point.interval
        yield draw_stroke(f"M{x:.1f} {_height(low, top):.1f}V{_height(high, top):.1f}", "interval")
    yield draw_point(x, _height(point.value, top), "point")


def _height(value: float | None, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * ((value or 0.0) / top if top else 0.0)
