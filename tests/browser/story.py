"""The way from a message's link to the change that did it, in thirty seconds and by keys alone: who walks it touches no mouse.

The steps are walked by a test, which times nothing, and by the benchmark of pages, which notes when each was done.
"""

import re
import time
from collections.abc import Mapping
from typing import Final

from playwright.async_api import expect

from tests import patience
from tests.browser.opening import Opened
from tests.browser.site import Site

_MINUTE_MS: Final = 60_000
_SUSPECTS: Final = ["checkout 1.4", "pool of payments"]
CULPRIT: Final = "deployment checkout 1.4"


def tell_story(site: Site, now_ms: int) -> str:
    """Send a problem of a service, the deployment that did it, and a configuration of what it calls; return the problem's address."""
    with site.http() as http:
        http.put("/v1/services/checkout", json={"depends_on": ["payments"]}).raise_for_status()
        place = {"environment": "production", "status": "success"}
        pool = [{"field": "pool", "old": 50, "new": 5}]
        pool_at = now_ms - 30 * _MINUTE_MS
        site.tell(kind="config_change", title="pool of payments", service="payments", ts=pool_at, changes=pool, **place)
        site.tell(title="checkout 1.4", service="checkout", start=now_ms - 6 * _MINUTE_MS, end=now_ms - 4 * _MINUTE_MS, **place)
        fault = {"kind": "incident", "status": "open", "severity": "critical", "service": "checkout", "environment": "production"}
        incident = site.tell(title="checkout error rate since 1.4", correlation_id="the story", **fault)
        answer = patience.asked(lambda: http.get(f"/v1/problems/{incident}"), lambda answer: answer.status_code == 200)
        problem = str(answer.json()["id"])
        causes = f"/v1/problems/{problem}/causes"
        patience.asked(
            lambda: [cause["event"]["title"] for cause in http.get(causes).raise_for_status().json()["causes"][:2]],
            lambda titles: titles == _SUSPECTS,
        )
    return f"{site.url}/problems/{problem}"


async def walk_story(window: Opened, address: str) -> Mapping[str, float]:
    """Walk from the link to a confirmed cause; return when (s) each step was seen. Fails where one shows something else."""
    page = window.page
    began = time.perf_counter()
    seen: dict[str, float] = {}

    def note(step: str) -> None:
        seen[step] = time.perf_counter() - began

    await page.goto(address, wait_until="commit")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("checkout error rate since 1.4")
    note("what is wrong, where, since when")
    verdict = page.locator("#verdict-words")
    await expect(verdict).to_contain_text(CULPRIT)
    note("the verdict")
    await expect(page.get_by_role("region", name="Changes in time").locator("svg")).to_be_visible()
    await page.wait_for_load_state()
    note("the lanes around it")
    await window.press("j", "j", "Enter")
    await page.wait_for_url(re.compile("/events/"))
    await expect(page.locator("main")).to_contain_text(re.compile(r"pool\s+50\s+5"))
    note("the second suspect, its old and new value")
    await page.wait_for_load_state()
    await window.press("Escape")
    await page.wait_for_url(address)
    await expect(verdict).to_be_visible()
    note("back")
    await page.wait_for_load_state()
    await window.press("a")
    await expect(page.get_by_role("link", name="Only its own services")).to_be_visible()
    note("all services")
    await page.wait_for_load_state()
    await window.press("[")
    await expect(page.get_by_role("link", name="Back to where it began")).to_be_visible()
    note("an hour earlier")
    await page.wait_for_load_state()
    await window.press("c")
    await expect(verdict).to_contain_text(f"Cause: {CULPRIT}")
    note("confirmed")
    return seen
