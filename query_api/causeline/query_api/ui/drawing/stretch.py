"""Pictures that are as wide as their place and as high as the stylesheet says: what is round or thin in them stays so. Pure.

The words around one are HTML: in a picture that is stretched, letters would be too. A stroke keeps its width (`vector-effect`), and a
point is a stroke of no length with round ends.
"""

from collections.abc import Iterable

from markupsafe import Markup

from causeline.query_api.ui.drawing.svg import svg_element


def stretched_picture(width: int, height: int, name: str, class_: str, children: Iterable[Markup]) -> Markup:
    """Return a picture of this size in its own units, with a name; its class gives it its height on the page.

    One that holds links is a group of them, one without is an image and nothing but its name to who does not see it.
    """
    inner = Markup("").join(children)
    attributes = {
        "viewBox": f"0 0 {width} {height}",
        "preserveAspectRatio": "none",
        "role": "group" if "<a " in inner else "img",
        "aria-label": name,
        "class_": f"picture {class_}",
    }
    return svg_element("svg", attributes, inner)


def draw_stroke(path: str, class_: str) -> Markup:
    """Return a line that keeps its width."""
    return svg_element("path", {"d": path, "class_": class_, "vector_effect": "non-scaling-stroke"})


def draw_point(x: float, y: float, class_: str) -> Markup:
    """Return a point that stays round."""
    return draw_stroke(f"M{x:.1f} {y:.1f}h0.01", class_)


def link_mark(address: str, name: str, children: Iterable[Markup]) -> Markup:
    """Return a mark that leads somewhere and says what it is."""
    return svg_element("a", {"href": address, "aria_label": name}, [svg_element("title", children=name), *children])
