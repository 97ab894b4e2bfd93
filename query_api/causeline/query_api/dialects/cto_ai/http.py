"""CTO.ai's read: `GET /api/v1/events?team_id=…` (CTO.ai, "Retrieve Events"), for the events that CTO.ai clients sent."""

from causeline.query_api.dialects.cto_ai.parameters import is_own_query, workflow_question
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.cto_ai import mapping as cto_ai
from causeline.schemas.dialects.cto_ai.dialect import CTO_AI
from causeline.schemas.dialects.cto_ai.paths import SHARED_PATH
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


class CtoAiReads:
    """The handler."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def many(self, request: HttpRequest) -> Answer:
        """Answer with an array of events, newest first unless `$sort` says otherwise."""
        question = workflow_question(request.query(), request.tenant, request.groups)
        store = await self._reader.lists(request.tenant)
        events = await store.events(question.where, question.page)
        views = [cto_ai.view(event) for event in events]
        if question.select:
            keep = question.select | cto_ai.SERVERS_OWN
            views = [{name: value for name, value in event.items() if name in keep} for event in views]
        return json_answer(200, views)


def _is_meant(request: HttpRequest) -> bool:
    return is_own_query(request.query())


def routes(reader: Reader) -> list[HttpRoute]:
    """Return CTO.ai's reading route: on a path that the DESK Events API v1 has too, the query decides."""
    return [HttpRoute("GET", SHARED_PATH, CTO_AI, CtoAiReads(reader).many, accepts=_is_meant)]
