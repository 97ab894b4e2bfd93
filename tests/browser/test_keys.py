"""The script's keys: rows, the keys of a page, and the list behind the question mark."""

from playwright.async_api import expect

from tests.browser.opening import ORIGIN, PATH, Opened, show_page

ROWS = """
<p><a href="/back" data-key="Escape">back</a> <a href="/wide" data-key="a" data-key-name="all services">widen</a></p>
<label>Service <input data-key="/"></label>
<button type="button" data-key="c" id="confirm">confirm</button>
<table><caption>Rows</caption><tbody data-rows>
<tr data-row><th scope="row">one</th><td><a href="/one">open one</a></td></tr>
<tr data-row><th scope="row">two</th><td><a href="/two">open two</a> <a href="/other">another</a></td></tr>
</tbody></table>
<svg viewBox="0 0 100 20" data-rows role="group" aria-label="marks">
<a href="/mark" data-row aria-label="a mark"><rect width="9" height="9"/></a></svg>
<details><summary>more</summary><table><tbody data-rows><tr data-row><td><a href="/hidden">hidden</a></td></tr></tbody></table></details>
"""
FOCUS = "document.activeElement.textContent.trim().split(' ')[0] || document.activeElement.ariaLabel"


async def at(window: Opened, *keys: str) -> object:
    """Press keys; return what has the focus then."""
    await window.press(*keys)
    return await window.page.evaluate(FOCUS)


async def test_j_and_k_walk_all_rows_that_are_seen_and_stop_at_the_ends(window: Opened) -> None:
    await show_page(window, ROWS)
    assert [await at(window, key) for key in "jjjj"] == ["oneopen", "twoopen", "a mark", "a mark"]
    assert [await at(window, key) for key in "kkk"] == ["twoopen", "oneopen", "oneopen"]
    assert [await at(window, key) for key in ("ArrowDown", "ArrowUp")] == ["twoopen", "oneopen"]


async def test_arrows_scroll_the_page_until_a_row_has_the_focus(window: Opened) -> None:
    await show_page(window, ROWS)
    assert await window.page.evaluate("document.activeElement.tagName") == "BODY"
    await window.press("ArrowDown")
    assert await window.page.evaluate("document.activeElement.tagName") == "BODY"


async def test_enter_opens_the_first_link_of_a_row_and_who_comes_back_is_at_that_row(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.press("j", "j", "Enter")
    await window.page.wait_for_url(f"{ORIGIN}/two")
    await window.page.go_back()
    await window.page.wait_for_function(f"({FOCUS}) === 'twoopen'")
    assert window.faults == []


async def test_enter_follows_a_row_of_a_picture(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.press("j", "j", "j", "Enter")
    await window.page.wait_for_url(f"{ORIGIN}/mark")


async def test_a_key_follows_presses_or_enters_what_has_it(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.page.evaluate("document.getElementById('confirm').addEventListener('click', () => { window.pressed = true })")
    await window.press("c")
    assert await window.page.evaluate("window.pressed")
    await window.press("/")
    assert await window.page.evaluate("document.activeElement.tagName") == "INPUT"
    await window.page.keyboard.type("jac?/")
    assert await window.page.input_value("input") == "jac?/"
    await window.press("Escape", "a")
    await window.page.wait_for_url(f"{ORIGIN}/wide")


async def test_keys_with_modifiers_are_the_browsers(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.press("Control+j", "Alt+a")
    assert await window.page.evaluate("document.activeElement.tagName") == "BODY"
    assert window.page.url == f"{ORIGIN}{PATH}"


async def test_escape_goes_back_to_where_one_came_from_else_to_where_it_leads(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.press("Escape")
    await window.page.wait_for_url(f"{ORIGIN}/back")
    await window.page.goto(f"{ORIGIN}/back?page=2", referer=f"{ORIGIN}{PATH}")
    await window.page.evaluate("location.assign('/a-page')")
    await window.page.wait_for_url(f"{ORIGIN}{PATH}")
    await window.press("Escape")
    await window.page.wait_for_url(f"{ORIGIN}/back?page=2")


async def test_the_question_mark_lists_the_keys_of_the_page(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.page.keyboard.press("?")
    dialog = window.page.get_by_role("dialog", name="Keys")
    names = await dialog.locator("dd").all_text_contents()
    assert names == ["the next row", "the row before", "open the row", "back", "all services", "Service", "confirm", "this list"]
    await window.page.keyboard.press("j")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await window.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert window.page.url == f"{ORIGIN}{PATH}"


async def test_keys_of_letters_can_be_turned_off_for_good_and_on_again(window: Opened) -> None:
    await show_page(window, ROWS)
    await window.page.get_by_role("button", name="Keys").click()
    await window.page.get_by_role("button", name="Turn the keys of letters off").click()
    await window.page.reload()
    await window.press("j", "?")
    assert await window.page.evaluate("document.activeElement.tagName") == "BODY"
    await window.page.get_by_role("button", name="Keys").click()
    await window.page.get_by_role("button", name="Turn the keys of letters on").click()
    assert await at(window, "Escape", "j") == "oneopen"
