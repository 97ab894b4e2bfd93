"""What is new on a page: counted once, told without moving anything, also over a stream that is lost and comes back."""

from collections.abc import Awaitable, Callable, Sequence

from playwright.async_api import Page, Route, expect

from tests import patience
from tests.browser.opening import PATIENCE_MS, Opened, show_page
from tests.browser.site import Site

LIVE = '<p id="below">below</p><div data-live="/v1/stream?stream=problems" hidden></div>'
STREAM = "**/v1/stream*"
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class FakeStream:
    """Answers each connection by the next of its answers, and the ones after the last not at all; notes where each goes on."""

    def __init__(self, *answers: Callable[[Route], Awaitable[None]]) -> None:
        self.places: list[str] = []
        self._answers = list(answers)

    async def __call__(self, route: Route) -> None:
        self.places.append(route.request.headers.get("last-event-id", ""))
        if self._answers:
            await self._answers.pop(0)(route)


def ending_after(*blocks: str) -> Callable[[Route], Awaitable[None]]:
    """A stream that ends after these blocks."""
    return lambda route: route.fulfill(body="".join(f"{block}\n\n" for block in blocks), content_type="text/event-stream")


def refusing(status: int, **headers: str) -> Callable[[Route], Awaitable[None]]:
    return lambda route: route.fulfill(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def opened_problem(number: int, problem: str) -> str:
    return f'id: place-{number}\nevent: problem\ndata: {{"id": "{problem}"}}'


async def settle(page: Page) -> None:
    """Wait until the page has heard of whatever was answered before."""
    await page.evaluate("fetch('/settle').then(answer => answer.text())")


async def show_live(window: Opened, stream: FakeStream) -> None:
    """Show a page that follows a stream, in a window whose clock stands until a test moves it."""
    await window.page.clock.install(time=0)
    await window.page.clock.pause_at(1)
    await show_page(window, LIVE, stream=stream)


async def pass_time(page: Page, seconds: float) -> None:
    await settle(page)
    await page.clock.fast_forward(round(seconds * 1_000))
    await settle(page)


def unexpected(faults: Sequence[str]) -> list[str]:
    """Return the faults that are no refused or lost stream, which the browser logs too."""
    return [fault for fault in faults if "/v1/stream" not in fault and "Failed to load resource" not in fault]


async def test_what_comes_twice_is_new_once_and_a_connection_goes_on_where_the_last_one_ended(window: Opened) -> None:
    stream = FakeStream(
        ending_after("retry: 1000\nid: place-0", opened_problem(1, "a"), opened_problem(2, "b"), ": heartbeat\nid: place-3")
    )
    stream._answers.append(ending_after(opened_problem(4, "b"), opened_problem(5, "c")))
    await show_live(window, stream)
    place = await window.page.evaluate("document.getElementById('below').getBoundingClientRect().y")
    await pass_time(window.page, 0.3)
    await expect(window.page.get_by_role("button", name="2 new")).to_be_visible()
    await pass_time(window.page, 1)
    await pass_time(window.page, 0.3)
    await expect(window.page.get_by_role("button", name="3 new")).to_be_visible()
    assert stream.places == ["", "place-3"]
    assert await window.page.evaluate("document.getElementById('below').getBoundingClientRect().y") == place
    assert unexpected(window.faults) == []


async def test_a_cut_log_is_no_number(window: Opened) -> None:
    await show_live(window, FakeStream(ending_after(opened_problem(1, "a"), 'id: place-2\nevent: gap\ndata: {"missing": 9}')))
    await pass_time(window.page, 0.3)
    await expect(window.page.get_by_role("button", name="more than is known is new")).to_be_visible()


async def test_a_lost_stream_says_so_and_waits_longer_from_try_to_try(window: Opened) -> None:
    stream = FakeStream(*[Route.abort] * 5)
    await show_live(window, stream)
    for number in range(4):
        await pass_time(window.page, 0.5 * 2**number - 0.1)
        assert len(stream.places) == number + 1
        await pass_time(window.page, 0.5 * 2**number + 0.2)
        assert len(stream.places) == number + 2
    await expect(window.page.get_by_text("not connected since")).to_be_visible()


async def test_a_server_says_when_to_come_back(window: Opened) -> None:
    stream = FakeStream(refusing(503, retry_after="30"))
    await show_live(window, stream)
    await pass_time(window.page, 29)
    assert len(stream.places) == 1
    await pass_time(window.page, 2)
    assert len(stream.places) == 2


async def test_a_refused_stream_says_so_and_is_not_asked_for_again(window: Opened) -> None:
    stream = FakeStream(refusing(403))
    await show_live(window, stream)
    await pass_time(window.page, 600)
    await expect(window.page.get_by_text("not connected: refused (403)")).to_be_visible()
    assert len(stream.places) == 1


async def test_a_page_that_nobody_looks_at_holds_no_connection(window: Opened) -> None:
    stream = FakeStream()
    await show_live(window, stream)
    async with window.page.expect_event("requestfailed"):
        await window.page.evaluate(HIDE, True)
    await pass_time(window.page, 600)
    assert len(stream.places) == 1
    async with window.page.expect_request(STREAM):
        await window.page.evaluate(HIDE, False)
    await expect(window.page.get_by_text("not connected")).to_have_count(0)


async def test_a_problem_that_opens_waits_behind_a_button_also_after_the_stream_was_lost(visitor: Opened, site: Site) -> None:
    stream = FakeStream(*[Route.abort] * 2, *[Route.continue_] * 9)
    await visitor.page.route(STREAM, stream)
    await visitor.go(f"{site.url}/problems")
    rows = visitor.page.locator("[data-row]")
    before = await rows.count()
    await expect(visitor.page.get_by_text("not connected since")).to_be_visible()
    async with visitor.page.expect_response(STREAM):
        pass
    await expect(visitor.page.get_by_text("not connected since")).to_have_count(0)
    site.tell(kind="incident", status="open", title="opens meanwhile", service="checkout", correlation_id="meanwhile")
    button = visitor.page.get_by_role("button", name="1 new")
    await expect(button).to_be_visible()
    assert await rows.count() == before
    async with visitor.page.expect_navigation():
        await button.click()
    link = visitor.page.get_by_role("link", name="opens meanwhile")

    async def count_links() -> int:
        """Load the list once more where a busy store did not have yet what the stream told."""
        if not await link.count():
            await visitor.page.reload()
        return await link.count()

    await patience.found(count_links, seconds=PATIENCE_MS / 1_000)
    assert unexpected(visitor.faults) == []
