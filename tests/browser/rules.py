"""What axe-core says of a page: what hinders people who see, hear or move differently, by the rules that machines can check."""

from typing import Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

_OWN: Final = ("heading-order", "page-has-heading-one", "scope-attr-valid", "empty-table-header")
"""Rules that axe takes less seriously, and these pages hold too."""
_RUN: Final = """async ([own, only]) =>
  (await axe.run(document, { resultTypes: ['violations'], ...(only.length ? { runOnly: only } : {}) })).violations
    .filter(each => ['serious', 'critical'].includes(each.impact) || own.includes(each.id))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`))"""


async def breaches(page: Page, *only: str) -> list[str]:
    """Return the serious and critical findings, one a place, of all rules or of some."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    lines: list[str] = await page.evaluate(_RUN, [list(_OWN), list(only)])
    return lines
