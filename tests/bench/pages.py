"""Pages of a large tenant in a browser: a million events of a month, ten thousand of them within two hours, and a thousand open problems.

A whole stack. The server's part is a GET of a page, one at a time; the browser's is its own work on the first load, on a computer six times
slower (`tests/browser/working.py`). The story is walked on a browser that is slowed down six times, with the server in it.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
from playwright.async_api import Browser, async_playwright

from tests import patience
from tests.bench.report import Report, most
from tests.browser.chromium import Chromium, bring_chromium
from tests.browser.opening import opening
from tests.browser.site import Site
from tests.browser.story import tell_story, walk_story
from tests.browser.working import ENOUGH_MS, SLOWER, work_ms
from tests.stack import running

EVENTS: Final = int(os.environ.get("PAGES_EVENTS", "1000000"))
PROBLEMS: Final = int(os.environ.get("PAGES_PROBLEMS", "1000"))
_RECENT: Final = 10_000
_SERVICES: Final = 200
_BATCH: Final = 500
_SENDERS: Final = 4
_MONTH_MS: Final = 28 * 86_400_000
_RECENT_MS: Final = 100 * 60_000
_TIMES: Final = 5
_FIRST_LOAD: Final = 100.0
_STORY_S: Final = 30.0
_WAIT_S: Final = 900.0
_KINDS: Final = ("deployment", "config_change", "flag", "build", "test", "release", "migration", "operation")


def pages(report: Report) -> None:
    """Every page that somebody opens in an incident, and the story (`PAGES_EVENTS=100000` for less)."""
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder, running(Path(folder) / "data") as stack:
        site = Site(stack.url, "crowded", {})
        now = time.time_ns() // 1_000_000
        began = time.perf_counter()
        send_all(site, (event_of(n, now) for n in range(EVENTS)))
        send_all(site, (problem_of(n) for n in range(PROBLEMS)))
        stack.wait_flow(_WAIT_S)
        with site.http() as http:
            http.timeout = httpx.Timeout(_WAIT_S)
            lanes = {"from": "now-2h", "to": "now", "by": "service", "step": "2m"}
            patience.asked(lambda: http.get("/v1/lanes", params=lanes).json(), lambda answer: answer.get("event_count", 0) >= _RECENT)
            last = patience.asked(lambda: open_problem(http), seconds=_WAIT_S, every=1.0)
            causes = f"/v1/problems/{last}/causes?at=now"
            patience.asked(lambda: http.get(causes).status_code, lambda status: status == 200, seconds=_WAIT_S, every=1.0)
        report.console.print(f"  {EVENTS:,} events and {PROBLEMS:,} open problems sent and ranked in {time.perf_counter() - began:.0f} s")
        addresses = {
            "/": "/",
            "timeline of 2 h": "/timeline",
            "timeline of a month": "/timeline?from=now-28d&to=now",
            "problems": "/problems",
            "open problems": "/problems?state=open",
            "problem": f"/problems/{last}",
            "services": "/services",
            "service": "/services/s1",
            "DORA": "/dora",
            "insights": "/insights",
            "deliveries": "/deliveries",
            "planned": "/planned",
            "inside": "/inside",
        }
        asyncio.run(look(report, site, addresses))


def send_all(site: Site, events: Iterator[dict[str, Any]]) -> None:
    """Send events in batches from a few threads, as fast as they are taken."""
    with site.http() as http, ThreadPoolExecutor(_SENDERS) as senders:
        http.timeout = httpx.Timeout(120)
        batches = iter(lambda: list(islice(events, _BATCH)), [])
        while group := list(islice(batches, _SENDERS)):
            for answer in senders.map(lambda batch: http.post("/v1/events", json=batch), group):
                answer.raise_for_status()


def event_of(n: int, now: int) -> dict[str, Any]:
    age = n * _RECENT_MS // _RECENT if n < _RECENT else _RECENT_MS + (n - _RECENT) * (_MONTH_MS - _RECENT_MS) // max(EVENTS - _RECENT, 1)
    return {
        "kind": _KINDS[n % len(_KINDS)],
        "title": f"change {n} of s{n % _SERVICES}",
        "service": f"s{n % _SERVICES}",
        "environment": ("production", "staging")[n // _SERVICES % 2],
        "status": ("success", "success", "failure")[n % 3],
        "team": f"team {n % 20}",
        "ts": now - age,
    }


def problem_of(n: int) -> dict[str, Any]:
    place = {"service": f"s{n % _SERVICES}", "environment": "production", "severity": ("critical", "minor")[n % 2]}
    return {"kind": "incident", "status": "open", "title": f"problem {n}", "correlation_id": f"problem {n}", **place}


def open_problem(http: httpx.Client) -> str:
    """Return the newest open problem once all are open, nothing before: the table of them answers so many pages."""
    count, cursor, newest = 0, None, ""
    while True:
        query: dict[str, str | int] = {"state": "open", "limit": 1_000, **({"cursor": cursor} if cursor else {})}
        answer = http.get("/v1/problems", params=query).raise_for_status().json()
        newest = newest or next((str(problem["id"]) for problem in answer["problems"]), "")
        count, cursor = count + len(answer["problems"]), answer["next_cursor"]
        if not cursor:
            return newest if count >= PROBLEMS else ""


async def look(report: Report, site: Site, addresses: dict[str, str]) -> None:
    """Open every page and walk the story."""
    chromium = bring_chromium(os.environ)
    async with async_playwright() as playwright:
        browser = await launch(playwright.chromium, chromium)
        bare = await work_ms(browser, site.tenant, f"{site.url}/bare")
        for name, path in addresses.items():
            address = f"{site.url}{path}"
            server_ms = median([await fetch_ms(site, path) for _ in range(_TIMES)])
            packed = await first_load(browser, site, address)
            work = await work_ms(browser, site.tenant, address)
            report.add(f"{name}: first load, packed", packed, "kB", note=f"server {server_ms:.0f} ms", aim=most(_FIRST_LOAD))
            report.add(f"{name}: browser's work, {SLOWER} times slower", work, "ms", bare, "bare page", aim=most(ENOUGH_MS))
        address = await asyncio.to_thread(tell_story, site, time.time_ns() // 1_000_000)
        async with opening(browser, site.tenant) as window:
            session = await window.page.context.new_cdp_session(window.page)
            await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
            seen = await walk_story(window, address)
        note = ", ".join(f"{step} {seconds:.1f}" for step, seconds in seen.items())
        report.add("the story, from the link to the confirmed cause", max(seen.values()), "s", note=note, aim=most(_STORY_S))
        await browser.close()


async def launch(kind: Any, chromium: Chromium) -> Browser:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # who is root has no sandbox; what is opened is ours alone
    browser: Browser = await kind.launch(executable_path=chromium.path, args=arguments, env={**os.environ, **chromium.env})
    return browser


async def fetch_ms(site: Site, path: str) -> float:
    """Return how long a page takes until it is here whole, without a browser."""
    began = time.perf_counter()
    async with httpx.AsyncClient(base_url=site.url, headers={"Causeline-Tenant": site.tenant}, timeout=120) as http:
        (await http.get(path)).raise_for_status()
    return (time.perf_counter() - began) * 1e3


async def first_load(browser: Browser, site: Site, address: str) -> float:
    """Return how many kB a page and all that it loads have as they are sent."""
    async with opening(browser, site.tenant) as window:
        await window.go_patiently(address)
        sizes = [await response.request.sizes() for response in window.responses if "/v1/stream" not in response.url]
    return sum(size["responseBodySize"] for size in sizes) / 1e3


if __name__ == "__main__":
    own_report = Report()
    pages(own_report)
    own_report.print()
