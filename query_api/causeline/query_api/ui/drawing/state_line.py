"""How a service stood over some weeks: one line, thin where nothing was wrong, thick where there was a problem. Pure.

Problems that would be drawn over each other are one mark, which says how many they are and leads to the list of them: none is hidden.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.stretch import draw_stroke, link_mark, stretched_picture
from causeline.query_api.ui.drawing.svg import svg_element

_WIDTH: Final = 900
_HEIGHT: Final = 24
_THIN: Final = 6
_GRID: Final = 8
"""Places of a pixel."""
_LEAST: Final = 6.0
"""What a mark is wide at least, to be seen and hit; what lies closer is one mark."""


class StateSpan(NamedTuple):
    """A problem: from `start` to `end` (ms UTC), None while it is open, with its name and where it leads."""

    start: int
    end: int | None
    name: str
    address: str


class StateMark(NamedTuple):
    """One mark: from `left` to `right`, and the problems that it stands for, in order of time."""

    left: float
    right: float
    spans: tuple[StateSpan, ...]

    @property
    def is_open(self) -> bool:
        """Whether one of them is open."""
        return any(span.end is None for span in self.spans)


def draw_state_line(spans: Iterable[StateSpan], from_ms: int, to_ms: int, name: str, list_address: str) -> Markup:
    """Return the line of [from_ms, to_ms). A mark of several problems leads to `list_address`."""
    middle = (_HEIGHT - _THIN) / 2
    children = [svg_element("rect", {"class_": "calm", "x": 0, "y": middle, "width": _WIDTH, "height": _THIN})]
    children += [_draw_mark(mark, list_address) for mark in gather_spans(spans, from_ms, to_ms)]
    return stretched_picture(_WIDTH, _HEIGHT, name, "state-line", children)


def gather_spans(spans: Iterable[StateSpan], from_ms: int, to_ms: int) -> Sequence[StateMark]:
    """Return the marks of problems in order of time; what touches, or lies closer than a mark is wide, is one."""
    scale = _WIDTH / max(to_ms - from_ms, 1)
    marks: list[StateMark] = []
    for span in sorted(spans, key=lambda one: one.start):
        left = min(max(_snap((span.start - from_ms) * scale), 0.0), _WIDTH - _LEAST)
        right = min(max(_snap(((to_ms if span.end is None else span.end) - from_ms) * scale), left + _LEAST), float(_WIDTH))
        if marks and left <= marks[-1].right:
            last = marks.pop()
            marks.append(StateMark(last.left, max(last.right, right), (*last.spans, span)))
        else:
            marks.append(StateMark(left, right, (span,)))
    return marks


def _snap(place: float) -> float:
    """Return a place on the grid: an eighth has an exact binary form, so that a mark is as wide as its ends say, to the last bit."""
    return round(place * _GRID) / _GRID


def _draw_mark(mark: StateMark, list_address: str) -> Markup:
    """Return a mark as a link. One with an open problem has an edge, as it goes on."""
    first = mark.spans[0]
    box = {"x": mark.left, "y": 0, "width": mark.right - mark.left, "height": _HEIGHT}
    children = [svg_element("rect", {"class_": "trouble", **box})]
    if mark.is_open:
        children.append(draw_stroke(f"M{mark.right:.1f} 0V{_HEIGHT}", "goes-on"))
    if len(mark.spans) == 1:
        return link_mark(first.address, first.name, children)
    return link_mark(list_address, f"{len(mark.spans)} problems, the first: {first.name}", children)
