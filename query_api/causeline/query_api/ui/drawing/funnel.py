"""Bars beside the rows of a table: what of a whole was left at each step, and how far something reaches. Pure."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from causeline.query_api.ui.drawing.stretch import draw_stroke, stretched_picture
from causeline.query_api.ui.drawing.svg import svg_element

_WIDTH: Final = 200
_STEP: Final = 8
_GAP: Final = 2
_LEAST: Final = 1.0


def draw_funnel(counts: Sequence[int], name: str) -> Markup:
    """Return a bar for each count, one under the other, each as long as its share of the first."""
    whole = max(counts[0], 1)
    bars = [_bar(0.0, number * (_STEP + _GAP), _WIDTH * count / whole, f"step-{number}") for number, count in enumerate(counts)]
    return stretched_picture(_WIDTH, len(counts) * (_STEP + _GAP), name, "funnel", bars)


def draw_reach(start: float, middle: float, end: float, longest: float, name: str) -> Markup:
    """Return a bar from `start` to `middle` and a thin line on to `end`, on a scale from 0 to `longest`, which several rows share."""
    scale = _WIDTH / longest if longest > 0 else 0.0
    left, turn, right = (value * scale for value in (start, middle, end))
    bar = _bar(left, 0, max(turn - left, _LEAST), "step-0")
    line = [draw_stroke(f"M{turn:.1f} {_STEP / 2:.1f}H{right:.1f}", "line")] if right > turn else []
    return stretched_picture(_WIDTH, _STEP, name, "reach", [bar, *line])


def _bar(x: float, y: int, width: float, class_: str) -> Markup:
    return svg_element("rect", {"class_": class_, "x": x, "y": y, "width": width, "height": _STEP})
