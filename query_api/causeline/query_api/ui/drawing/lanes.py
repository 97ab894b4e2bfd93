"""Lanes: what happened when, a line for each service (or kind, environment, …), as one picture for pages to show.

A lane has bins, which count events of a stretch of time by kind, and bars, which last. No mark hides another: a bin says how many, and its
link lists them; bars that overlap lie in rows. Every mark is a link with a name. All times are ms UTC.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.axis import AxisTick, name_minute, name_span, place_ticks
from causeline.query_api.ui.drawing.bars import BAR_HEIGHT, Bar, PlacedBar, cut_text, draw_bar, place_bars, row_count
from causeline.query_api.ui.drawing.marks import MARK_HEIGHT, draw_legend, draw_mark, shape_of
from causeline.query_api.ui.drawing.svg import picture, svg_element

MAX_LANES: Final = 40
MAX_BINS: Final = 60
"""What a page should give at most: more lanes are not looked through, more bins touch each other."""
_WIDTH: Final = 1_200
_LEFT: Final = 190
_PLOT: Final = _WIDTH - _LEFT - 10
_TOP: Final = 36
_LEGEND: Final = 24
_NAME_LETTERS: Final = 26


class TimeWindow(NamedTuple):
    """The times that a picture shows: [from_ms, to_ms), not empty."""

    from_ms: int
    to_ms: int

    def place(self, at: float) -> float:
        """Return where a time lies in the picture; what lies outside, at its edge."""
        share = (at - self.from_ms) / (self.to_ms - self.from_ms)
        return _LEFT + _PLOT * min(max(share, 0.0), 1.0)


class Bin(NamedTuple):
    """The events of [start, end), counted by kind, and where they are listed. `name` in place of counts and time, such as one event's."""

    start: int
    end: int
    counts: Mapping[str, int]
    address: str
    name: str = ""


class Lane(NamedTuple):
    """A line of the picture: its name and what that links to, bins without one that is empty, and bars."""

    name: str
    bins: Sequence[Bin] = ()
    bars: Sequence[Bar] = ()
    address: str = ""


def draw_lanes(lanes: Sequence[Lane], window: TimeWindow, onset: int | None) -> Markup:
    """Return the picture of lanes, in their order, with a line at `onset` where that lies in the window, and what its shapes mean."""
    rows: list[Markup] = []
    y = float(_TOP)
    for lane in lanes:
        bars = place_bars(_spans(lane.bars, window))
        height = _lane_height(lane, bars)
        rows.append(_draw_lane(lane, bars, window, y, height))
        y += height
    shapes = {shape_of(mark.counts) for lane in lanes for mark in lane.bins}
    legend = [draw_legend(y + 4, _LEFT, shapes)] if shapes else []
    line = [_draw_onset(onset, window, y)] if onset is not None and window.from_ms <= onset < window.to_ms else []
    axis = svg_element("g", {"class": "axis"}, [_draw_tick(tick, window, y) for tick in place_ticks(*window)])
    lines = svg_element("g", {"class": "lanes", "data-rows": ""}, rows)
    title = f"{len(lanes)} lanes, {name_span(*window)} UTC"
    return picture(_WIDTH, y + (_LEGEND if legend else 4), title, [axis, lines, *line, *legend])


def tell_plot(window: TimeWindow) -> str:
    """Return what tells the script of a page where which time lies in the picture of a window."""
    return f"{window.from_ms} {window.to_ms} {_LEFT} {_PLOT}"


def _spans(bars: Sequence[Bar], window: TimeWindow) -> list[tuple[Bar, float, float]]:
    return [(bar, window.place(bar.start), window.place(window.to_ms if bar.end is None else bar.end)) for bar in bars]


def _lane_height(lane: Lane, bars: Sequence[PlacedBar]) -> int:
    return row_count(bars) * BAR_HEIGHT + (MARK_HEIGHT if lane.bins or not bars else 4)


def _draw_lane(lane: Lane, bars: Sequence[PlacedBar], window: TimeWindow, y: float, height: float) -> Markup:
    short = cut_text(lane.name, _NAME_LETTERS)
    label = svg_element("text", {"y": 13}, [*([svg_element("title", children=lane.name)] if short != lane.name else []), short])
    name = svg_element("a", {"href": lane.address}, [label]) if lane.address else label
    floor = svg_element("path", {"class": "floor", "d": f"M0 {height:.0f}H{_WIDTH}"})
    top = row_count(bars) * BAR_HEIGHT
    marks = [draw_mark(window.place((one.start + one.end) / 2), top, one.counts, name_bin(one), one.address) for one in lane.bins]
    parts = [floor, name, *(draw_bar(bar, 2) for bar in bars), *marks]
    place = {"transform": f"translate(0 {y:.0f})", "data-row": "", "role": "group", "aria-label": lane.name}
    return svg_element("g", place, parts)


def name_bin(one: Bin) -> str:
    """Return the name of a mark: its own, else when and how many of which kind."""
    counts = ", ".join(f"{number:,} {kind or 'without a kind'}" for kind, number in sorted(one.counts.items()))
    return one.name or f"{name_span(one.start, one.end)}: {counts}"


def _draw_tick(tick: AxisTick, window: TimeWindow, bottom: float) -> Markup:
    x = round(window.place(tick.at))
    line = svg_element("path", {"d": f"M{x} {_TOP - 4}V{bottom:.0f}"})
    day = [svg_element("text", {"x": x, "y": 11}, tick.day)] if tick.day else []
    return svg_element("g", None, [line, *day, svg_element("text", {"x": x, "y": 25}, tick.label)])


def _draw_onset(onset: int, window: TimeWindow, bottom: float) -> Markup:
    x = round(window.place(onset))
    title = svg_element("title", children=f"it began {name_minute(onset)}")
    return svg_element("g", {"class": "onset"}, [title, svg_element("path", {"d": f"M{x} {_TOP - 4}V{bottom:.0f}"})])
