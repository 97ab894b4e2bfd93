"""Pages of rows that are all known, by their place in the order."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from causeline.query_api.questions.query import EventPosition, Page

_Row = TypeVar("_Row")


def cut_page(rows: Iterable[_Row], page: Page, key: Callable[[_Row], EventPosition]) -> list[_Row]:
    """Return the rows of a page, by their place in the order."""
    descending = page.order == "desc"
    after = page.after
    if after is not None:
        rows = (row for row in rows if (key(row) < after if descending else key(row) > after))
    return sorted(rows, key=key, reverse=descending)[page.offset : page.offset + page.limit]
