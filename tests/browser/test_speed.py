"""Pages on a slow computer, six times slower than this one, beside a page of one word on the same browser."""

import time

import pytest
from playwright.async_api import Browser

from tests import patience
from tests.browser.site import PAGES, Site
from tests.browser.working import ENOUGH_MS, work_ms

CEILING = 12
"""How many bare pages a page may take, where that is more."""
LOOKED_AT_FIRST = [page for page in PAGES if page in ("/", "/timeline", "/problems", "/problems/{id}")]
CROWD = 10_000
_BATCH = 500
_CROWDED_MS = 100 * 60_000
"""Within the two hours that a timeline shows of itself."""


async def is_quick(browser: Browser, site: Site, address: str) -> bool:
    bare = await work_ms(browser, site.tenant, f"{site.url}/bare")
    work = await work_ms(browser, site.tenant, address)
    print(f"{address}: {work:.0f} ms of work, a bare page {bare:.0f} ms")
    return work <= max(ENOUGH_MS, CEILING * bare)


@pytest.mark.parametrize("page", LOOKED_AT_FIRST)
async def test_a_slow_computer_shows_a_page_within_a_second_or_some_bare_ones(browser: Browser, site: Site, page: str) -> None:
    assert await is_quick(browser, site, site.address(page))


async def test_a_slow_computer_shows_ten_thousand_events_as_quickly(browser: Browser, bare_site: Site) -> None:
    now = time.time_ns() // 1_000_000
    with bare_site.http() as http:
        for first in range(0, CROWD, _BATCH):
            batch = [
                {"kind": "deployment", "title": f"{n}", "service": f"s{n % 60}", "ts": now - n * _CROWDED_MS // CROWD}
                for n in range(first, first + _BATCH)
            ]
            http.post("/v1/events", json=batch).raise_for_status()
        lanes = {"from": "now-2h", "to": "now", "by": "service", "step": "2m"}
        patience.asked(lambda: http.get("/v1/lanes", params=lanes).json(), lambda answer: answer.get("event_count") == CROWD, seconds=120)
    assert await is_quick(browser, bare_site, f"{bare_site.url}/timeline")
