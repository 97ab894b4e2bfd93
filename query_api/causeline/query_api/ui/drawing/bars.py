"""Bars of a lane: what lasts, such as a problem, a long change or a freeze, one under the other where they overlap."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.axis import name_minute, name_span
from causeline.query_api.ui.drawing.svg import svg_element

BarState = Literal["open", "closed", "running", "finished", "planned", "frozen"]
BAR_HEIGHT: Final = 16
"""Units that a row of bars takes."""
_THICKNESS: Final = 12
_TIP: Final = 5
"""How far the tip of a bar reaches that goes on: what has an end has a straight one."""
_LEAST: Final = 6
"""What a bar is wide at least, to be seen and hit."""
_LETTER: Final = 6.6
_WORDS: Final = {
    "open": "open problem",
    "closed": "closed problem",
    "running": "change under way",
    "finished": "change",
    "planned": "planned change",
    "frozen": "freeze",
}


class Bar(NamedTuple):
    """What lasts: from `start` to `end` (ms UTC), None while it goes on. `state` says what it is and how it stands; a link with a name."""

    start: int
    end: int | None
    state: BarState
    name: str
    address: str


class PlacedBar(NamedTuple):
    """A bar with where it lies in its lane: from `left` to `right`, and in which row, from 0."""

    bar: Bar
    left: float
    right: float
    row: int


def place_bars(spans: Iterable[tuple[Bar, float, float]]) -> list[PlacedBar]:
    """Return bars with their rows: each in the first one in which it touches no other. `spans` are bars with their left and right."""
    ends: list[float] = []
    bars: list[PlacedBar] = []
    for bar, left, end in sorted(spans, key=lambda span: (span[1], span[2])):
        right = max(end, left + _LEAST)
        row = next((number for number, last in enumerate(ends) if last < left), len(ends))
        ends[row:] = [right, *ends[row + 1 :]]
        bars.append(PlacedBar(bar, left, right, row))
    return bars


def row_count(bars: Sequence[PlacedBar]) -> int:
    """Return how many rows these bars take."""
    return max((bar.row + 1 for bar in bars), default=0)


def draw_bar(place: PlacedBar, y: float) -> Markup:
    """Return a bar in a lane whose bars begin at `y`, with its name in it where there is room."""
    bar, top = place.bar, y + place.row * BAR_HEIGHT
    half = _THICKNESS // 2
    tip = f"l{_TIP} {half} {-_TIP} {half}" if bar.end is None else f"v{_THICKNESS}"
    outline = f"M{place.left:.0f} {top:.0f}H{place.right:.0f}{tip}H{place.left:.0f}z"
    when = f"since {name_minute(bar.start)}" if bar.end is None else name_span(bar.start, bar.end)
    parts = [svg_element("title", children=f"{bar.name}: {_WORDS[bar.state]}, {when}"), svg_element("path", {"d": outline})]
    letters = int((place.right - place.left - 8) / _LETTER)
    if letters >= min(_LEAST, len(bar.name)):
        parts.append(svg_element("text", {"x": round(place.left) + 4, "y": round(top) + 10}, cut_text(bar.name, letters)))
    return svg_element("a", {"href": bar.address, "class": f"bar {bar.state}"}, parts)


def cut_text(text: str, letters: int) -> str:
    """Return a text of at most so many characters, the last one an ellipsis where more was there."""
    return text if len(text) <= letters else text[: max(letters - 1, 0)] + "\N{HORIZONTAL ELLIPSIS}"
