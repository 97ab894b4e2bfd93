"""`GET /v1/dora`: six metrics that say what they counted, the deployments they can be taken apart to, and series for dashboards."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from causeline.query_api.dialects.native import dora_views
from causeline.query_api.dora.columns.history_columns import HistoryColumns
from causeline.query_api.dora.deployments import FailedAttempt
from causeline.query_api.dora.dora_answers import drill_down, drill_down_order, show_drill_down
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.dora.judging_deployments import DeploymentJudgement
from causeline.query_api.questions.dora import MetricQuestion, deployment_question, dora_question, series_question
from causeline.query_api.questions.query import EventPosition, Page
from causeline.query_api.reading.dora_parts import DoraParts
from causeline.query_api.reading.dora_question import DoraQuestion
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.csv_answers import csv_answer, next_link, prefers_csv
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer

DORA_PATH: Final = "/v1/dora"
DEPLOYMENTS_PATH: Final = "/v1/dora/deployments"
SERIES_PATH: Final = "/v1/dora/series"
_VARY: Final[Mapping[str, str]] = {"Vary": "Accept"}


class NativeDora:
    """The handlers. Answers are made where the history is, beside the loop: a quarter of a large tenant takes a moment."""

    def __init__(self, parts: DoraParts) -> None:
        self._histories: Final = parts.histories
        self._definitions: Final = parts.definitions

    async def dora(self, request: HttpRequest) -> Answer:
        """Answer with the metrics, and those of steps and groups where they are asked for."""
        definitions = await self._definitions(request.tenant)
        question = dora_question(request.query(), request.tenant, request.groups, request.received_at, definitions)

        def show(history: HistoryColumns) -> Answer:
            answer = dora_views.report(question, history)
            if prefers_csv(request):
                return csv_answer(dora_views.report_lines(question, answer), _VARY)
            return json_answer(200, dora_views.show_report(question, answer), _VARY)

        return await self._histories.sums(_history_of(question), show)

    async def deployments(self, request: HttpRequest) -> Answer:
        """Answer with a page of what was counted, and of what was not."""
        definitions = await self._definitions(request.tenant)
        question, paging = deployment_question(request.query(), request.tenant, request.groups, request.received_at, definitions)

        def show(history: DoraHistory) -> Answer:
            found = _page(question, history, paging.page)
            rows, cursor = paging.cut(found, lambda row: EventPosition(*drill_down_order(row)))
            views = [show_drill_down(row) for row in rows]
            if prefers_csv(request):
                return csv_answer(dora_views.deployment_lines(views), {**_VARY, **next_link(request, DEPLOYMENTS_PATH, cursor)})
            return json_answer(200, {"deployments": views, "next_cursor": cursor}, _VARY)

        return await self._histories.dora(_history_of(question), show)

    async def series(self, request: HttpRequest) -> Answer:
        """Answer with the metrics of each step, in the forms that dashboards read."""
        definitions = await self._definitions(request.tenant)
        question, names, shape = series_question(request.query(), request.tenant, request.groups, request.received_at, definitions)

        def show(history: HistoryColumns) -> Answer:
            parts = dora_views.all_series(question, history, len(names))
            if prefers_csv(request):
                return csv_answer(dora_views.row_lines(dora_views.show_rows(question, parts, names)), _VARY)
            rows = dora_views.show_rows(question, parts, names) if shape == "rows" else dora_views.show_datapoints(parts, names)
            return json_answer(200, rows, _VARY)

        return await self._histories.sums(_history_of(question), show)


def _history_of(question: MetricQuestion) -> DoraQuestion:
    """Return the question for the history that an answer is made of."""
    return DoraQuestion(
        tenant=question.tenant,
        scope=question.scope,
        window=question.window,
        definition=question.definition,
        groups=question.groups,
        now=question.now,
    )


def _page(question: MetricQuestion, history: DoraHistory, page: Page) -> "list[DeploymentJudgement | FailedAttempt]":
    """Return the rows behind a place, one more than are shown."""
    rows = drill_down(question.window, history)
    after = page.after
    behind = rows if after is None else (row for row in rows if drill_down_order(row) > (after.ts, after.id))
    return list(islice(behind, page.limit))


def routes(parts: DoraParts) -> list[HttpRoute]:
    """Return the routes of the metrics."""
    handlers = NativeDora(parts)
    paths = {DORA_PATH: handlers.dora, DEPLOYMENTS_PATH: handlers.deployments, SERIES_PATH: handlers.series}
    return [HttpRoute("GET", path, NATIVE, handler) for path, handler in paths.items()]
