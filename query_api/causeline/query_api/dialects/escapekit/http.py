"""EscapeKit's reads over HTTP: arrays of events, newest first, only those that came through its API and that the caller may see.

An array has no room for a cursor, so the next page stands in the header `Link` (RFC 8288), relative to the page that was asked.
"""

from functools import partial
from urllib.parse import quote, urlencode

from causeline.query_api.dialects.escapekit.parameters import PATH_MEMBERS, PathMember, path_question
from causeline.query_api.questions.query import EventPosition
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.dialects.escapekit.mapping import view
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


class EscapeKitReads:
    """The handler of all paths; each asks for its own members."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def many(self, members: tuple[PathMember, ...], request: HttpRequest) -> Answer:
        """Answer with a page of events."""
        where, paging = path_question(
            members, request.params, request.query(), tenant=request.tenant, groups=request.groups, now=request.received_at
        )
        store = await self._reader.lists(request.tenant)
        rows = await store.events(where, paging.page)
        events, cursor = paging.cut(rows, lambda event: EventPosition(event.ts, event.id))
        return json_answer(200, [view(event) for event in events], _link(request, paging.page.limit - 1, cursor))


def _link(request: HttpRequest, limit: int, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    following = urlencode({"limit": limit, "cursor": cursor})
    return {"Link": f'<{quote(request.path, safe="/")}?{following}>; rel="next"'}


def routes(reader: Reader) -> list[HttpRoute]:
    """Return EscapeKit's query routes."""
    handlers = EscapeKitReads(reader)
    return [HttpRoute("GET", path, ESCAPEKIT, partial(handlers.many, members)) for path, members in PATH_MEMBERS.items()]
