"""Pages on a slow computer, six times slower than this one: the processor's time that a page takes, whatever else the machine does.

It is measured of the page's own thread, so that neither the server nor other tests count, beside a page of one word on the same browser.
"""

import pytest
from playwright.async_api import Browser, Route

from tests.browser.opening import opening
from tests.browser.site import PAGES, Site

SLOWER = 6
ENOUGH_MS = 1_000
"""What a slow computer may take for script, styles and layout of a page until it is there."""
CEILING = 12
"""How many bare pages a page may take, where that is more."""
TIMES = 2
LOOKED_AT_FIRST = [page for page in PAGES if page in ("/", "/timeline", "/problems", "/problems/{id}")]


async def answer_bare(route: Route) -> None:
    await route.fulfill(body="<!doctype html><title>bare</title><h1>bare</h1>", content_type="text/html")


async def work_ms(browser: Browser, site: Site, address: str) -> float:
    """Return how long the browser works on a page until it is loaded: the best of a few first loads, on a slow computer."""
    times = []
    for _ in range(TIMES):
        async with opening(browser, site.tenant) as window:
            session = await window.page.context.new_cdp_session(window.page)
            await session.send("Performance.enable", {"timeDomain": "threadTicks"})
            await window.page.route("**/bare", answer_bare)
            await window.go_patiently(address)
            metrics = (await session.send("Performance.getMetrics"))["metrics"]
            times.append(next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration"))
    return min(times) * 1_000 * SLOWER


@pytest.mark.parametrize("page", LOOKED_AT_FIRST)
async def test_a_slow_computer_shows_a_page_within_a_second_or_some_bare_ones(browser: Browser, site: Site, page: str) -> None:
    bare = await work_ms(browser, site, f"{site.url}/bare")
    work = await work_ms(browser, site, site.address(page))
    print(f"{page}: {work:.0f} ms of work, a bare page {bare:.0f} ms")
    assert work <= max(ENOUGH_MS, CEILING * bare)
