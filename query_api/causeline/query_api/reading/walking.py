"""A page of events is looked for where it begins, then further and further away, instead of in all of a tenant's time at once.

A list without a narrow window makes the store open every month to show a hundred events. They almost always lie within a day of where
the page begins, so it is asked in adjoining windows of time, each eight times as wide as the one before, until the page is full. The
windows cover the question exactly, in the page's order: their answers, one after the other, are the answer.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from causeline.query_api.questions.query import DeliveryFilter, EventFilter, Page

_Filter = TypeVar("_Filter", EventFilter, DeliveryFilter)

_DAY_MS: Final = 86_400_000
WIDTHS_MS: Final = (_DAY_MS, 8 * _DAY_MS, 64 * _DAY_MS)
"""What lies further away is asked for at once. An empty window costs 7 ms, the last one is all that an unbounded list costs."""


def windows(where: _Filter, page: Page, edge: int) -> Iterator[_Filter]:
    """Return the question in parts that follow each other in the order of the page.

    `edge` (ms UTC) is about where the page's first event may lie: a wrong one costs empty windows, never an event.
    """
    return _back(where, page, edge) if page.order == "desc" else _forth(where, page, edge)


def _back(where: _Filter, page: Page, edge: int) -> Iterator[_Filter]:
    newest = edge if where.to_ms is None else min(edge, where.to_ms - 1)
    newest = newest if page.after is None else min(newest, page.after.ts)
    to_ms = where.to_ms
    for width in WIDTHS_MS:
        from_ms = newest - width + 1
        if where.from_ms is not None and from_ms <= where.from_ms:
            break
        yield msgspec.structs.replace(where, from_ms=from_ms, to_ms=to_ms)
        newest, to_ms = from_ms - 1, from_ms
    yield msgspec.structs.replace(where, to_ms=to_ms)


def _forth(where: _Filter, page: Page, edge: int) -> Iterator[_Filter]:
    oldest = edge if where.from_ms is None else max(edge, where.from_ms)
    oldest = oldest if page.after is None else max(oldest, page.after.ts)
    from_ms = where.from_ms
    for width in WIDTHS_MS:
        to_ms = oldest + width
        if where.to_ms is not None and to_ms >= where.to_ms:
            break
        yield msgspec.structs.replace(where, from_ms=from_ms, to_ms=to_ms)
        oldest = from_ms = to_ms
    yield msgspec.structs.replace(where, from_ms=from_ms)
