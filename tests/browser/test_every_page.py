"""Every page that exists, in a tenant that has something to show and in one that has nothing."""

import gzip
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.opening import Opened, opening
from tests.browser.rules import breaches
from tests.browser.site import PAGES, Site

_KB = 1_000
ABSURD = """(() => {
  const lines = cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].filter(box => box.width).map(box => Math.round(box.y))).size;
  };
  const isTall = each => each.getBoundingClientRect().height > innerHeight;
  const isBroken = head => lines(head) > head.textContent.trim().split(/\\s+/).length;
  return [
    ...[...document.querySelectorAll("svg, input, select, button, h1")].filter(isTall),
    ...[...document.querySelectorAll(".rows thead th")].filter(isBroken),
  ].map(each => each.outerHTML.slice(0, 200));
})()"""
"""What is higher than the window, and the heads of columns that are broken within a word."""


@pytest.fixture(scope="module", params=PAGES)
async def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> AsyncIterator[Opened]:
    """One page, opened once for all its tests."""
    async with opening(browser, site.tenant) as window:
        await window.go_patiently(site.address(request.param))
        yield window


async def test_a_page_answers_and_breaks_no_policy(page: Opened) -> None:
    assert (page.status, page.faults) == (200, [])


async def test_what_clients_wrote_stays_text(page: Opened) -> None:
    assert await page.page.evaluate("window.wasRun") is None
    strange = "script:not([src^='/assets/']), img[src='x'], [onload], [onerror], style, [style]"
    assert await page.page.locator(strange).count() == 0


async def test_a_first_load_is_at_most_100_kb_packed(page: Opened) -> None:
    parts = [response for response in page.responses if "/v1/stream" not in response.url]
    assert len(parts) > 2
    assert sum([len(gzip.compress(await part.body())) for part in parts]) <= 100 * _KB


async def test_nothing_hinders_in_light_and_in_dark(page: Opened) -> None:
    await page.page.emulate_media(color_scheme="light")
    assert await breaches(page.page) == []
    await page.page.emulate_media(color_scheme="dark")
    assert await breaches(page.page, "color-contrast") == []


async def test_a_page_fits_from_320_pixels_to_2560(page: Opened) -> None:
    for width, height in ((320, 640), (2_560, 1_440)):
        await page.page.set_viewport_size({"width": width, "height": height})
        assert await page.page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert await page.page.evaluate(ABSURD) == []


@pytest.mark.parametrize("path", [path for path in PAGES if "{" not in path])
async def test_a_page_without_anything_to_show_keeps_the_rules(browser: Browser, bare_site: Site, path: str) -> None:
    async with opening(browser, bare_site.tenant) as window:
        await window.go_patiently(bare_site.address(path))
        assert (window.status, window.faults) == (200, [])
        assert await breaches(window.page) == []


async def test_a_refusal_keeps_the_rules(visitor: Opened, site: Site) -> None:
    await visitor.go(f"{site.url}/problems?state=ajar")
    assert visitor.status == 400
    assert [fault for fault in visitor.faults if "400" not in fault] == []
    assert await breaches(visitor.page) == []
