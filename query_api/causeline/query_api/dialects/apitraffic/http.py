"""ApiTraffic's reads over HTTP (ApiTraffic, "List Events" and "Get Event"): only event markers of the account in the path."""

from typing import Any

import msgspec

from causeline.query_api.dialects.apitraffic import parameters
from causeline.query_api.questions.query import EventPosition
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.apitraffic import mapping as apitraffic
from causeline.schemas.dialects.apitraffic import sids
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.dialects.apitraffic.paths import ACCOUNT_EVENT_PATH, ACCOUNT_EVENTS_PATH
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


class ApiTrafficReads:
    """The handlers. Lists are newest first; ties in time are ordered by id, so pages neither repeat nor skip."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with a page of events; `nextCursor` is there where there are more."""
        where, paging = parameters.marker_question(request.query(), request.tenant, request.received_at)
        where = msgspec.structs.replace(where, groups=request.groups)
        store = await self._reader.lists(request.tenant)
        rows = await store.events(where, paging.page)
        events, cursor = paging.cut(rows, lambda event: EventPosition(event.ts, event.id))
        page: dict[str, Any] = {"hasMore": cursor is not None, "records": [apitraffic.view(event) for event in events]}
        return json_answer(200, page | ({"nextCursor": cursor} if cursor else {}))

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with one event, also right after it was acknowledged."""
        sid = request.params["eventSid"]
        event_id = sids.id_of_sid(sid)
        event = await self._reader.event(request.tenant, APITRAFFIC.name, event_id, request.groups) if event_id else None
        if event is None:
            raise NotFound(f"there is no event {sid[:100]}", where="PATH")
        return json_answer(200, apitraffic.view(event))


def routes(reader: Reader) -> list[HttpRoute]:
    """Return ApiTraffic's reading routes."""
    handlers = ApiTrafficReads(reader)
    return [
        HttpRoute("GET", ACCOUNT_EVENTS_PATH, APITRAFFIC, handlers.list),
        HttpRoute("GET", ACCOUNT_EVENT_PATH, APITRAFFIC, handlers.get),
    ]
