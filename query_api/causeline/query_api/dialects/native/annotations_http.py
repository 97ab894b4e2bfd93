"""`GET /v1/annotations`: events of every dialect as an array that a dashboard draws (Grafana, JSON annotation queries)."""

from typing import Final

import msgspec

from causeline.query_api.questions import native
from causeline.query_api.questions.annotations import annotation_of
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer

ANNOTATIONS_PATH: Final = "/v1/annotations"


class Annotations:
    """The handler."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with the marks of the newest events in the window."""
        where, page = native.annotations(request.query(), request.tenant, request.received_at)
        store = await self._reader.lists(request.tenant)
        events = await store.events(msgspec.structs.replace(where, groups=request.groups), page)
        return json_answer(200, [annotation_of(event, request.received_at) for event in events])


def routes(reader: Reader) -> list[HttpRoute]:
    """Return the route."""
    return [HttpRoute("GET", ANNOTATIONS_PATH, NATIVE, Annotations(reader).list)]
