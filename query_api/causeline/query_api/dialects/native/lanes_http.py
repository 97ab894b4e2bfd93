"""`GET /v1/lanes`: what happened when, in lanes by service, kind, environment or another column: what a picture of time is drawn from."""

from typing import Any

from causeline.query_api.questions.lanes import LaneQuestion, lane_question
from causeline.query_api.questions.query import LaneAnswer
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


def routes(reader: Reader) -> list[HttpRoute]:
    """Return the route of lanes."""

    async def lanes(request: HttpRequest) -> Answer:
        question = lane_question(request.query(), request.tenant, request.groups, request.received_at)
        store = await reader.lists(request.tenant)
        return json_answer(200, _lanes_view(question, await store.lanes(question.query)))

    return [HttpRoute("GET", "/v1/lanes", NATIVE, lanes)]


def _lanes_view(question: LaneQuestion, answer: LaneAnswer) -> dict[str, Any]:
    return {
        "from": rfc3339(question.from_ms),
        "to": rfc3339(question.to_ms),
        "step": question.step,
        "by": question.query.by,
        "lanes": [
            {
                "name": lane.name,
                "count": sum(one.total for one in lane.bins),
                "bins": [{"start": rfc3339(one.start), "count": one.total, "counts": one.counts} for one in lane.bins],
            }
            for lane in answer.lanes
        ],
        "lane_count": answer.lane_count,
        "event_count": answer.event_count,
    }
