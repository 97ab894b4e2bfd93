"""SVG as text: elements of names, attributes and children, all escaped. No `style`, which the policy of pages refuses."""

from collections.abc import Iterable, Mapping
from typing import Final

from markupsafe import Markup, escape

_PLACES: Final = 1
"""Digits after the point of a coordinate: a tenth of a pixel is seen by nobody."""


def svg_element(name: str, attributes: Mapping[str, object] | None = None, children: Iterable[str | Markup] | str | Markup = ()) -> Markup:
    """Return an element. An attribute that is None is left out; `_` in its name reads `-`, but for a leading `class_`."""
    attribute_text = "".join(f' {_name(key)}="{escape(_value(value))}"' for key, value in (attributes or {}).items() if value is not None)
    inner = escape(children) if isinstance(children, str) else Markup("").join(children)
    return Markup(f"<{name}{attribute_text}>{inner}</{name}>") if inner else Markup(f"<{name}{attribute_text}/>")


def picture(width: float, height: float, title: str, children: Iterable[Markup]) -> Markup:
    """Return a picture of this size in its own units, as wide as its place, with a name for who does not see it."""
    box = f"0 0 {_value(width)} {_value(height)}"
    return svg_element("svg", {"viewBox": box, "role": "group", "aria-label": title, "class": "picture"}, children)


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _value(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.{_PLACES}f}".removesuffix(".0")
    return value
