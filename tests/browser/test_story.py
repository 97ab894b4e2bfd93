"""From the link of a message to a confirmed cause, without a mouse."""

import time

from playwright.async_api import Browser

from tests.browser.opening import opening
from tests.browser.site import Site
from tests.browser.story import tell_story, walk_story


async def test_keys_lead_from_the_link_to_the_confirmed_cause(browser: Browser, bare_site: Site) -> None:
    address = tell_story(bare_site, time.time_ns() // 1_000_000)
    async with opening(browser, bare_site.tenant) as window:
        seen = await walk_story(window, address)
        assert window.faults == []
    print("\n" + "\n".join(f"{seconds:6.1f} s  {step}" for step, seconds in seen.items()))
