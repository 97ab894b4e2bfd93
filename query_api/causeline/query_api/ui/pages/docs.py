"""`/docs`: every call of every API, out of the OpenAPI document, and a page for each with a form that makes the call.

They are public, as the document is, so they say nothing of who looks, and ask the API nothing. A form shows the line of a shell that it
equals; `assets/docs.js` sends it.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from causeline.query_api.ui.curl import server_address
from causeline.query_api.ui.reference import OpenApiDocument, ReferenceOperation, equal_call, group_operations
from causeline.query_api.ui.visits import PageResult, PageRoute, Show, Visit
from causeline.schemas.web.errors import NotFound

DOCS_PAGE: Final = "/docs"


def docs_pages(document: Callable[[], OpenApiDocument]) -> tuple[PageRoute, ...]:
    """Return the pages; the `document` is asked for once, at the first visit."""

    @cache
    def groups() -> dict[str, list[ReferenceOperation]]:
        return group_operations(document())

    async def visit_docs(visit: Visit) -> PageResult:
        words = dict(visit.query).get("q", "")[:200]
        hits = {name: [one for one in group if _is_about(one, words)] for name, group in groups().items()}
        return Show("docs.html", {"page": DOCS_PAGE, "words": words, "groups": {name: group for name, group in hits.items() if group}})

    async def visit_operation(visit: Visit) -> PageResult:
        name = visit.request.params["operation"]
        operation = next((one for group in groups().values() for one in group if one.name == name), None)
        if operation is None:
            raise NotFound(f"there is no call {name[:100]}; /docs lists all of them")
        entries = dict(visit.query)
        values = {
            "page": DOCS_PAGE,
            "operation": operation,
            "entries": entries,
            "body": entries.get("body", operation.example),
            "curl": equal_call(operation, server_address(visit.request), entries),
        }
        return Show("operation.html", values)

    return (PageRoute("GET", DOCS_PAGE, visit_docs, "public"), PageRoute("GET", f"{DOCS_PAGE}/{{operation}}", visit_operation, "public"))


def _is_about(operation: ReferenceOperation, words: str) -> bool:
    text = f"{operation.name} {operation.method} {operation.path} {operation.summary} {operation.group}".casefold()
    return all(word in text for word in words.casefold().split())
