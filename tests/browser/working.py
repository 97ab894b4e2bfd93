"""How long a browser works on a page: the processor's time of the page's own thread, as a computer six times slower than this one has it.

So neither the server nor what else the machine does counts, and a page of one word on the same browser is the floor.
"""

from typing import Final

from playwright.async_api import Browser, Route

from tests.browser.opening import opening

SLOWER: Final = 6
ENOUGH_MS: Final = 1_000
"""What a slow computer may take for script, styles and layout of a page until it is there."""
_TIMES: Final = 2


async def _answer_bare(route: Route) -> None:
    await route.fulfill(body="<!doctype html><title>bare</title><h1>bare</h1>", content_type="text/html")


async def work_ms(browser: Browser, tenant: str, address: str, times: int = _TIMES) -> float:
    """Return how long the browser works on a page until it is loaded: the best of a few first loads. An address `…/bare` is the floor's."""
    works = []
    for _ in range(times):
        async with opening(browser, tenant) as window:
            session = await window.page.context.new_cdp_session(window.page)
            await session.send("Performance.enable", {"timeDomain": "threadTicks"})
            await window.page.route("**/bare", _answer_bare)
            await window.go_patiently(address)
            metrics = (await session.send("Performance.getMetrics"))["metrics"]
            works.append(next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration"))
    return min(works) * 1_000 * SLOWER
