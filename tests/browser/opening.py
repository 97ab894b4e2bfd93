"""Pages in a browser: opened as a tenant's visitor, with everything noted that goes wrong on them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup
from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, Response, Route

from causeline.query_api.ui import rendering
from causeline.query_api.ui.assets import serve_asset
from causeline.schemas.web.http import HttpRequest
from tests import patience

ORIGIN: Final = "http://localhost"
"""Of pages that no server serves: browsers trust it as they trust https."""
PATH: Final = "/a-page"
Answering = Callable[[Route], Awaitable[None]]
_frame: Final = rendering._environment.from_string('{% extends "base.html" %}{% block main %}<h1>A page</h1>{{ main }}{% endblock %}')
_TOO_BUSY: Final = 503
PATIENCE_MS: Final = 60_000
"""How long a page may take on a slow machine: a bound for failures."""
_NOTE: Final = (
    "document.addEventListener('securitypolicyviolation', event => console.error('policy', event.violatedDirective, event.blockedURI))"
)


@dataclass
class Opened:
    """A page. `faults` are errors, violations of the policy, dialogs and answers that are none; `status` is the page's own.

    `responses` are the answers of which it is made.
    """

    page: Page
    status: int = 0
    faults: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)

    def note(self) -> None:
        """Begin to note what goes wrong."""
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("dialog", self._note_dialog)
        self.page.on("response", self._note_response)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    async def _note_dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _note_response(self, response: Response) -> None:
        self.responses.append(response)
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def go(self, address: str) -> int:
        """Open an address and wait until its script has run; return the status, with nothing noted of what was open before."""
        self.faults.clear()
        self.responses.clear()
        response = await self.page.goto(address)
        assert response is not None
        self.status = response.status
        return self.status

    async def go_patiently(self, address: str) -> None:
        """Open an address, again where the server is too busy with others to answer."""
        await patience.found(lambda: self.go(address), lambda status: status != _TOO_BUSY, seconds=PATIENCE_MS / 1_000)


@asynccontextmanager
async def opening(browser: Browser, tenant: str = "default", **context: Any) -> AsyncIterator[Opened]:
    """Open a window of its own for a tenant's visitor; `context` is what Playwright may be told of one."""
    own = await browser.new_context(extra_http_headers={"Causeline-Tenant": tenant}, **context)
    try:
        own.set_default_timeout(PATIENCE_MS)
        await own.add_init_script(_NOTE)
        opened = Opened(await own.new_page())
        opened.note()
        yield opened
    finally:
        await own.close()


async def show_page(opened: Opened, main: str, **answers: Answering) -> None:
    """Open a page of ours with this content, in the frame and under the policy of all pages, from no server.

    Any other page says its own address. `answers` are of other parts of paths: `stream`, `healthz`.
    """

    async def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        known = next((answering for name, answering in answers.items() if path.endswith(f"/{name}")), None)
        if known is not None:
            await known(route)
        elif path.startswith("/assets/"):
            asset = await serve_asset(HttpRequest("GET", path, {"asset": path.rpartition("/")[2]}, "", {}, b"", "", 0, "", None))
            await route.fulfill(body=asset.body, headers=dict(asset.headers))
        else:
            html = _frame.render(page="", main=Markup(main) if path == PATH else f"You are at {path}")
            await route.fulfill(body=html, headers=dict(rendering.HEADERS))

    await opened.page.route("**/*", answer)
    await opened.go(f"{ORIGIN}{PATH}")
