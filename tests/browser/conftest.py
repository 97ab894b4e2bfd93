import os
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.chromium import VARIABLE, find_chromium
from tests.browser.opening import PATIENCE_MS, Opened, opening
from tests.browser.site import Site, empty_site, full_site
from tests.stack import Stack

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests of this process; each has a window of its own."""
    chromium = find_chromium(os.environ)
    if chromium is None:
        words = f"no Chromium: `python -m tests.browser.chromium` fetches one, {VARIABLE} names one"
        if os.environ.get("CI") == "true":
            pytest.fail(words, pytrace=False)
        pytest.skip(words)
    async with async_playwright() as playwright:
        # Who is root has no sandbox in Chromium; what is opened here is ours alone.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        env: dict[str, str | float | bool] = {**os.environ, **chromium.env}
        started = await playwright.chromium.launch(executable_path=chromium.path, args=arguments, env=env)
        yield started
        await started.close()


@pytest.fixture(scope="session")
def site(browser: Browser, stack: Stack) -> Site:
    """A tenant with something on every page."""
    assert browser
    return full_site(stack.url, time.time_ns() // 1_000_000)


@pytest.fixture
def bare_site(browser: Browser, stack: Stack) -> Site:
    """A tenant without anything, of this test alone."""
    assert browser
    return empty_site(stack.url)


@pytest.fixture
async def window(browser: Browser) -> AsyncIterator[Opened]:
    """A window of this test alone."""
    async with opening(browser) as own_window:
        yield own_window


@pytest.fixture
async def visitor(browser: Browser, site: Site) -> AsyncIterator[Opened]:
    """A window of a visitor of the full tenant."""
    async with opening(browser, site.tenant) as own_window:
        yield own_window
