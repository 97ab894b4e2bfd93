"""How often something happens by weekday and hour: a square each, whose size and name say how often. Pure."""

from collections.abc import Mapping
from math import sqrt
from typing import Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.stretch import link_mark
from causeline.query_api.ui.drawing.svg import picture, svg_element

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY_HOURS: Final = range(24)
_CELL: Final = 22
_LEFT: Final = 44
_TOP: Final = 22
_LARGEST: Final = 20.0
_LEAST: Final = 4.0
_EVERY: Final = 3
"""Hours between two labels."""


class WeekHour(NamedTuple):
    """An hour of a week: ISO weekday (1 is Monday) and hour."""

    weekday: int
    hour: int


def draw_heatmap(counts: Mapping[WeekHour, int], name: str, row_address: str) -> Markup:
    """Return the picture of counts; what is not there is 0. Each weekday leads to `row_address` and its number."""
    children = [_label(_LEFT + hour * _CELL + _CELL / 2, _TOP - 8, f"{hour:02}", "middle") for hour in DAY_HOURS if hour % _EVERY == 0]
    children += [_draw_day(counts, weekday, f"{row_address}{weekday}") for weekday in range(1, len(WEEKDAYS) + 1)]
    return picture(_LEFT + len(DAY_HOURS) * _CELL, _TOP + len(WEEKDAYS) * _CELL, name, children)


def _draw_day(counts: Mapping[WeekHour, int], weekday: int, address: str) -> Markup:
    most = max(counts.values(), default=0)
    y = _TOP + (weekday - 1) * _CELL
    own = {hour: counts.get(WeekHour(weekday, hour), 0) for hour in DAY_HOURS}
    name = f"{WEEKDAYS[weekday - 1]}: {sum(own.values()):,}"
    children = [_label(_LEFT - 8, y + _CELL / 2 + 4, WEEKDAYS[weekday - 1][:3], "end")]
    children += [_draw_square(hour, y, weekday, count, most) for hour, count in own.items() if count]
    return link_mark(address, name, children)


def _draw_square(hour: int, y: float, weekday: int, count: int, most: int) -> Markup:
    side = max(_LARGEST * sqrt(count / most), _LEAST)
    place = {"x": _LEFT + hour * _CELL + (_CELL - side) / 2, "y": y + (_CELL - side) / 2, "width": side, "height": side}
    name = f"{WEEKDAYS[weekday - 1]}, {hour:02}:00 to {hour + 1:02}:00: {count:,}"
    return svg_element("rect", {"class_": "heat", **place}, [svg_element("title", children=name)])


def _label(x: float, y: float, text: str, anchor: str) -> Markup:
    return svg_element("text", {"x": x, "y": y, "text_anchor": anchor}, text)
