"""Takes pictures of the demo's pages for `docs/pictures/`: each in light and in dark.

    python -m tests.pictures        (make pictures)

A stack of its own is started and filled with the demo, and the pages are opened as its visitor in the browser of `tests/browser`. A page
that does not answer, and a picture that is too large for a document, end it.
"""

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import httpx
from PIL import Image  # comes with matplotlib, which draws the plots
from playwright.sync_api import Browser, sync_playwright

from causeline.deploy.commands.demo.client import DemoClient
from causeline.deploy.commands.demo.command import fill_demo
from tests import patience
from tests.browser.chromium import NoChromium, bring_chromium
from tests.stack import running

PICTURES: Final = Path(__file__).parents[1] / "docs" / "pictures"
MOST_BYTES: Final = 150_000
TENANT: Final = "demo"
SEED: Final = 1
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WIDTH, HEIGHT = 1_200, 800
OPEN_PROBLEM: Final = "checkout: error rate above 5 %"
"""The one that the demo's newest deployment did."""


def addresses(problem: str) -> Mapping[str, str]:
    """Return where the pictures are taken, by their names."""
    return {"now": "/", "timeline": "/timeline?from=now-6h&to=now&by=service", "problem": f"/problems/{problem}", "dora": "/dora"}


def take_pictures(browser: Browser, url: str, pages: Mapping[str, str]) -> None:
    """Open each page in each scheme and write what is seen of it first. Raises SystemExit for one that does not answer or is too large."""
    for scheme in SCHEMES:
        context = browser.new_context(
            color_scheme=scheme,
            viewport={"width": WIDTH, "height": HEIGHT},
            timezone_id="UTC",
            locale="en-GB",
            reduced_motion="reduce",
            extra_http_headers={"Causeline-Tenant": TENANT},
        )
        page = context.new_page()
        for name, address in pages.items():
            answer = page.goto(f"{url}{address}")
            if answer is None or not answer.ok:
                raise SystemExit(f"pictures: {address} answers {answer.status if answer else 'nothing'}")
            path = PICTURES / f"{name}-{scheme}.png"
            _write_small(page.screenshot(), path)
            size = path.stat().st_size
            if size > MOST_BYTES:
                raise SystemExit(f"pictures: {path.name} has {size} bytes, at most {MOST_BYTES}")
            print(f"docs/pictures/{path.name}  {size} bytes")
        context.close()


def _write_small(picture: bytes, path: Path) -> None:
    """Write a picture with a palette: pages have few colours, and three bytes a point make it thrice as large."""
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def fill(url: str) -> str:
    """Fill a server with the demo; return its open problem, once deployments are judged by published rankings."""
    client = DemoClient(url, tenant=TENANT)
    fill_demo(client, SEED)
    client.close()
    with httpx.Client(base_url=url, headers={"Causeline-Tenant": TENANT}, timeout=60) as http:
        patience.asked(lambda: _failures(http), lambda count: count > 10, seconds=180, every=2)
        return patience.asked(lambda: _open_problem(http))


def _open_problem(http: httpx.Client) -> str:
    problems = http.get("/v1/problems?state=open").raise_for_status().json()["problems"]
    return next((str(problem["id"]) for problem in problems if problem["title"] == OPEN_PROBLEM), "")


def _failures(http: httpx.Client) -> int:
    answer: Any = http.get("/v1/dora?from=now-84d").raise_for_status().json()
    return int(answer["metrics"]["change_fail_rate"]["numerator"])


def main() -> None:
    """Take all pictures."""
    try:
        chromium = bring_chromium(os.environ)
    except NoChromium as error:
        raise SystemExit(f"pictures: {error}") from error
    PICTURES.mkdir(exist_ok=True)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # who is root has no sandbox; what is opened is ours alone
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch) / "data") as stack, sync_playwright() as playwright:
        problem = fill(stack.url)
        env: dict[str, str | float | bool] = {**os.environ, **chromium.env}
        browser = playwright.chromium.launch(executable_path=chromium.path, args=arguments, env=env)
        take_pictures(browser, stack.url, addresses(problem))
        browser.close()


if __name__ == "__main__":
    main()
