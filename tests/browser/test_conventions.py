"""What else the script does to a page: copies, loading again, times, and nothing for who wants no motion or has no script."""

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.opening import ORIGIN, Opened, opening, show_page
from tests.browser.site import Site

COPIES = '<button data-copy="curl &lt;b&gt;" class="needs-script">one</button> <button data-copy="" class="needs-script">link</button>'
CLIPBOARD = "navigator.clipboard.readText()"
FRESH = '<section data-refresh="60"><label>Note <input value="a"></label></section>'


async def test_a_button_copies_its_text_or_the_address(browser: Browser) -> None:
    async with opening(browser, permissions=["clipboard-read", "clipboard-write"]) as window:
        await show_page(window, COPIES)
        await window.page.get_by_role("button", name="one").click()
        await expect(window.page.get_by_role("status")).to_have_text("Copied")
        assert await window.page.evaluate(CLIPBOARD) == "curl <b>"
        await window.page.get_by_role("button", name="link").click()
        await window.page.wait_for_function(f"{CLIPBOARD}.then(text => text === location.href)")
        assert window.faults == []


async def test_a_button_copies_where_the_browser_has_no_clipboard(window: Opened) -> None:
    await window.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await show_page(window, COPIES)
    await window.page.get_by_role("button", name="one").click()
    await expect(window.page.get_by_role("status")).to_have_text("Copied")
    assert await window.page.locator("textarea").count() == 0


class Refreshing:
    """A page that loads itself again after a minute, in a window whose clock the test moves, of a server that is there or not."""

    def __init__(self, window: Opened) -> None:
        self.page, self.loads, self.is_up = window.page, 0, True

    async def show(self, window: Opened) -> None:
        await self.page.clock.install()
        await show_page(window, FRESH, healthz=self._healthz)
        self.page.on("load", self._count)

    def _count(self, *_: object) -> None:
        self.loads += 1

    async def _healthz(self, route: Route) -> None:
        await (route.fulfill(body="{}") if self.is_up else route.abort())

    async def stays(self, seconds: int) -> bool:
        """Let this time pass; say whether the page is the one that it was."""
        await self.page.clock.fast_forward(seconds * 1_000)
        await self.page.evaluate("fetch('/healthz').catch(() => 0)")  # answered behind the script's own question
        return self.loads == 0

    async def loads_again(self, seconds: int) -> None:
        """Let this time pass and wait for the page that is loaded."""
        async with self.page.expect_event("load"):
            await self.page.clock.fast_forward(seconds * 1_000)


@pytest.fixture
async def refreshing(window: Opened) -> Refreshing:
    own = Refreshing(window)
    await own.show(window)
    return own


async def test_a_page_is_loaded_again_by_itself(refreshing: Refreshing) -> None:
    assert await refreshing.stays(50)
    await refreshing.loads_again(11)


async def test_a_page_is_not_loaded_again_while_its_reader_is_at_something(refreshing: Refreshing) -> None:
    await refreshing.page.fill("input", "b")
    await refreshing.page.evaluate("document.activeElement.blur()")
    assert await refreshing.stays(70)
    await refreshing.page.fill("input", "a")
    assert await refreshing.stays(70)
    await refreshing.page.evaluate("document.activeElement.blur()")
    await refreshing.loads_again(10)


async def test_a_page_waits_for_a_server_that_is_away(refreshing: Refreshing) -> None:
    refreshing.is_up = False
    assert await refreshing.stays(70)
    refreshing.is_up = True
    await refreshing.loads_again(10)


async def test_a_time_tells_the_readers_own_zone(browser: Browser) -> None:
    async with opening(browser, timezone_id="Asia/Tokyo", locale="en-GB") as window:
        await show_page(window, '<p><a href="/one"><time datetime="2026-11-30T20:00:00Z">2026-11-30 20:00:00</time></a></p>')
        await window.page.hover("time")
        await expect(window.page.locator("time")).to_have_attribute("title", "1 Dec 2026, 05:00:00 GMT+9")


async def test_nothing_moves_for_who_wants_no_motion(browser: Browser) -> None:
    async with opening(browser, reduced_motion="reduce") as window:
        await show_page(window, COPIES)
        assert await window.page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        assert await window.page.evaluate("document.getAnimations().length") == 0


async def test_without_script_a_page_shows_all_and_offers_nothing_that_needs_it(browser: Browser, site: Site) -> None:
    async with opening(browser, site.tenant, java_script_enabled=False) as window:
        await window.go(f"{site.url}/problems?service=checkout")
        await expect(window.page.get_by_role("link", name="checkout is slow")).to_have_count(1)
        await expect(window.page.get_by_role("button", name="Keys")).to_have_count(0)
        await window.page.get_by_label("Service").fill("payments")
        await window.page.get_by_role("button", name="Show").click()
        await expect(window.page.get_by_role("link", name="was slow")).to_have_count(1)


async def test_a_page_has_one_row_and_one_key_after_another(visitor: Opened, site: Site) -> None:
    await visitor.go(f"{site.url}/problems")
    for key in ("j", "j"):
        await visitor.page.keyboard.press(key)
    link = await visitor.page.evaluate("document.activeElement.querySelector('a').getAttribute('href')")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.wait_for_url(site.url + link)
    assert not visitor.page.url.startswith(ORIGIN)
