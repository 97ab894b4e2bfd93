"""Marks of a picture: a shape for each kind of change, a count under it, and a link with a name. No colour says what a shape does not."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.drawing.svg import svg_element

MARK_HEIGHT: Final = 28
"""Units that a mark takes with its count under it."""
_CENTRE: Final = 9
_FOOT: Final = 25
_THOUSAND: Final = 1_000
_UNITS: Final = ((1_000_000, "M"), (_THOUSAND, "k"))


class MarkShape(NamedTuple):
    """A shape: its word in the legend and its outline, relative to the centre."""

    word: str
    outline: str


_SHAPES: Final[Mapping[str, MarkShape]] = MappingProxyType(
    {
        "deployment": MarkShape("deployment, release", "m0-6 6 6-6 6-6-6z"),
        "config_change": MarkShape("configuration", "m-5-5h10v10h-10z"),
        "flag": MarkShape("flag", "m-4 6v-12l9 4-7 4v4z"),
        "migration": MarkShape("migration", "m-5-5h10l-5 11z"),
        "infrastructure": MarkShape("infrastructure, scale", "m-5 5h10l-5-11z"),
        "incident": MarkShape("incident, alert", "m-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z"),
        "build": MarkShape("build, test", "m-6-2h12v4h-12z"),
    }
)
_SAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{kind: kind for kind in _SHAPES},
        **dict.fromkeys(("release", "rollout", "rollback"), "deployment"),
        **dict.fromkeys(("config", "configuration", "change", "drift"), "config_change"),
        **dict.fromkeys(("feature_flag",), "flag"),
        **dict.fromkeys(("schema_change",), "migration"),
        **dict.fromkeys(("scale", "operation"), "infrastructure"),
        **dict.fromkeys(("alert", "problem", "error"), "incident"),
        **dict.fromkeys(("pipeline", "test", "job"), "build"),
    }
)
_OTHER: Final = MarkShape("any other kind", "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z")
_SEVERAL: Final = MarkShape("several kinds", "m-6-6h8v8h-8zm4 4h8v8h-8z")


def shape_of(counts: Mapping[str, int]) -> MarkShape:
    """Return the shape of a mark for events of these kinds (any text): that of one kind, or the one for several."""
    shapes = {_SHAPES.get(_SAME.get(kind, ""), _OTHER) for kind in counts}
    return shapes.pop() if len(shapes) == 1 else _SEVERAL


def shorten_count(number: int) -> str:
    """Return a count in four characters at most: `999`, `1.2k`, `45k`."""
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + unit if number < 10 * size else f"{number // size}{unit}"
    return str(number)


def draw_mark(x: float, y: float, counts: Mapping[str, int], name: str, address: str) -> Markup:
    """Return a mark whose centre is `x`, `y` the top of its place. One event has no number; of more the mark says how many.

    What tells marks of one time from those of another comes first and is the same in every lane: thousands of them pack well.
    """
    total = sum(counts.values())
    shape = svg_element("path", {"d": f"M0 {_CENTRE}{shape_of(counts).outline}"})
    number = [svg_element("text", {"y": _FOOT}, shorten_count(total))] if total > 1 else []
    place = f"translate({x:.0f} {y:.0f})" if y else f"translate({x:.0f})"
    return svg_element("a", {"transform": place, "href": address}, [svg_element("title", children=name), shape, *number])


def draw_legend(y: float, x: float, shapes: set[MarkShape]) -> Markup:
    """Return one line with each of these shapes beside its word, from `x` to the right, in the order of the table."""
    parts: list[Markup] = []
    for shape in (*_SHAPES.values(), _OTHER, _SEVERAL):
        if shape in shapes:
            parts.append(svg_element("path", {"d": f"M{x + 6:.0f} {y + _CENTRE:.0f}{shape.outline}"}))
            parts.append(svg_element("text", {"x": round(x + 18), "y": round(y + _CENTRE + 4)}, shape.word))
            x += 36 + 7 * len(shape.word)
    return svg_element("g", {"class": "legend"}, parts)
