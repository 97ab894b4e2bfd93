"""A stretch of a picture of time that is dragged over is opened; a click stays a click."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from causeline.query_api.ui.drawing.lanes import Bin, Lane, TimeWindow, draw_lanes, tell_plot
from causeline.schemas.values.times import ms_of
from tests.browser.opening import ORIGIN, PATH, Opened, show_page

HOUR_MS = 3_600_000
WINDOW = TimeWindow(1_764_500_000_000, 1_764_500_000_000 + 2 * HOUR_MS)
MARK = Bin(WINDOW.from_ms + HOUR_MS // 2, WINDOW.from_ms + HOUR_MS // 2, {"deployment": 1}, "/mark")
PICTURE = f'<div data-drag="{tell_plot(WINDOW)}">{draw_lanes([Lane("checkout", [MARK])], WINDOW, None)}</div>'
ADDRESS = f"{ORIGIN}{PATH}"


async def places(window: Opened, *shares: float) -> list[tuple[float, float]]:
    """Return where on the screen shares of the window lie, over the marks of its lane."""
    await show_page(window, PICTURE)
    box = await window.page.locator("svg").bounding_box()
    mark = await window.page.locator("a[href='/mark']").bounding_box()
    assert box is not None
    assert mark is not None
    _, _, left, width = map(float, tell_plot(WINDOW).split())
    scale = box["width"] / 1_200
    return [(box["x"] + (left + width * share) * scale, mark["y"] + mark["height"] / 2) for share in shares]


async def drag(window: Opened, start: tuple[float, float], end: tuple[float, float]) -> None:
    mouse = window.page.mouse
    await mouse.move(*start)
    await mouse.down()
    await mouse.move(*end, steps=4)


@pytest.mark.parametrize(("first", "last"), [(0.25, 0.75), (0.75, 0.25)], ids=["from a mark", "backwards, to a mark"])
async def test_what_is_dragged_over_is_opened(window: Opened, first: float, last: float) -> None:
    start, end = await places(window, first, last)
    await drag(window, start, end)
    assert await window.page.locator(".band").count() == 1
    await window.page.mouse.up()
    await window.page.wait_for_url(re.compile("from="))
    opened = {name: ms_of(values[0]) for name, values in parse_qs(urlsplit(window.page.url).query).items()}
    low, high = (WINDOW.from_ms + HOUR_MS // 2, WINDOW.from_ms + 3 * HOUR_MS // 2)
    a_pixel = 2 * HOUR_MS / 600
    assert abs(opened["from"] - low) < a_pixel
    assert abs(opened["to"] - high) < a_pixel
    assert window.faults == []


async def test_who_lets_go_outside_opens_up_to_the_edge(window: Opened) -> None:
    start, (x, y) = await places(window, 0.5, 1.0)
    await drag(window, start, (x + 20, y + 200))
    await window.page.mouse.up()
    await window.page.wait_for_url(re.compile("from="))
    assert ms_of(parse_qs(urlsplit(window.page.url).query)["to"][0]) == WINDOW.to_ms


async def test_escape_ends_a_drag_and_a_click_is_none(window: Opened) -> None:
    start, end = await places(window, 0.25, 0.6)
    await drag(window, start, end)
    await window.press("Escape")
    await window.page.mouse.up()
    assert await window.page.locator(".band").count() == 0
    assert window.page.url == ADDRESS
    await window.page.mouse.move(*start)
    await window.page.mouse.down()
    await window.page.mouse.up()
    await window.page.wait_for_url(f"{ORIGIN}/mark")
