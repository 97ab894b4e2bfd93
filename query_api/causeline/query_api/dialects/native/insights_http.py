"""`GET /v1/insights`: what became of a team's runs, as JSON, or its stages as CSV."""

from causeline.query_api.insights.report import insight_lines, insight_view
from causeline.query_api.questions.insights import insight_question
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.csv_answers import csv_answer, prefers_csv
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


def routes(reader: Reader) -> list[HttpRoute]:
    """Return the route of insights."""

    async def insights(request: HttpRequest) -> Answer:
        query, tz, step = insight_question(request.query(), request.tenant, request.groups, request.received_at)
        store = await reader.lists(request.tenant)
        view = insight_view(query, tz, step, await store.insights(query))
        headers = {"Vary": "Accept"}
        return csv_answer(insight_lines(view), headers) if prefers_csv(request) else json_answer(200, view, headers)

    return [HttpRoute("GET", "/v1/insights", NATIVE, insights)]
