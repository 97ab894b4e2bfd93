"""The native reads over HTTP: events, problems, the correlation window and the histogram under `/v1`."""

from typing import Any

import msgspec

from causeline.query_api.questions import native
from causeline.query_api.questions.query import ChangeQuery, EventPosition, ProblemHistory, RelatedChange
from causeline.query_api.questions.views import history_view
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.records.event import NOT_CHANGES
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer
from causeline.schemas.web.principal import Groups


class NativeReads:
    """The handlers. `not_changes` are the kinds that a correlation window leaves out."""

    def __init__(self, reader: Reader, not_changes: frozenset[str]) -> None:
        self._reader = reader
        self._not_changes = not_changes

    async def events(self, request: HttpRequest) -> Answer:
        """Answer with a page of events."""
        where, paging = native.event_question(request.query(), request.tenant, request.received_at)
        store = await self._reader.lists(request.tenant)
        rows = await store.events(msgspec.structs.replace(where, groups=request.groups), paging.page)
        events, cursor = paging.cut(rows, lambda event: EventPosition(event.ts, event.id))
        return json_answer(200, {"events": [view(event) for event in events], "next_cursor": cursor})

    async def event(self, request: HttpRequest) -> Answer:
        """Answer with one event, also right after it was acknowledged."""
        native.nothing(request.query())
        event = await self._reader.event(request.tenant, None, request.params["id"], request.groups)
        if event is None:
            raise NotFound(f"there is no event {request.params['id'][:100]}")
        return json_answer(200, view(event))

    async def problems(self, request: HttpRequest) -> Answer:
        """Answer with a page of problems."""
        where, paging = native.problem_question(request.query(), request.tenant, request.received_at)
        store = await self._reader.lists(request.tenant, problems=True)
        rows = await store.problems(where, paging.page)
        problems, cursor = paging.cut(rows, lambda problem: EventPosition(problem.start, problem.id))
        return json_answer(200, {"problems": [problem_view(problem) for problem in problems], "next_cursor": cursor})

    async def problem(self, request: HttpRequest) -> Answer:
        """Answer with one problem and its transitions."""
        native.nothing(request.query())
        return json_answer(200, history_view(await history_of(self._reader, request)))

    async def problem_changes(self, request: HttpRequest) -> Answer:
        """Answer with the changes around the start of a problem."""
        span = native.span(request.query())
        history = await history_of(self._reader, request)
        changes = await self._changes(span.around(history.problem, self._not_changes), request.groups)
        return json_answer(200, {"problem": history_view(history), "changes": changes})

    async def changes(self, request: HttpRequest) -> Answer:
        """Answer with the changes around a time."""
        query = native.change_question(request.query(), request.tenant, request.received_at, self._not_changes)
        return json_answer(200, {"changes": await self._changes(query, request.groups)})

    async def histogram(self, request: HttpRequest) -> Answer:
        """Answer with counts per bucket."""
        question = native.histogram_question(request.query(), request.tenant, request.received_at)
        where = msgspec.structs.replace(question.where, groups=request.groups)
        store = await self._reader.lists(request.tenant)
        buckets = question.fill(await store.histogram(where, question.step_ms, question.by))
        views = [{"start": rfc3339(bucket.start), "counts": bucket.counts} for bucket in buckets]
        return json_answer(200, {"buckets": views, "step": question.step})

    async def _changes(self, query: ChangeQuery, groups: Groups) -> list[dict[str, Any]]:
        visible_query = msgspec.structs.replace(query, groups=groups)
        store = await self._reader.lists(query.tenant)
        return [_change_view(change) for change in await store.changes(visible_query)]


async def history_of(reader: Reader, request: HttpRequest) -> ProblemHistory:
    """Return the problem that a path names. Raises NotFound, and what `Reader.problem` raises."""
    history = await reader.problem(request.tenant, request.params["id"], request.received_at)
    if history is None:
        raise NotFound(f"there is no problem {request.params['id'][:100]}")
    return history


def _change_view(change: RelatedChange) -> dict[str, Any]:
    return {**view(change.event), "relation": change.relation, "offset_seconds": change.offset_seconds}


def routes(reader: Reader, not_changes: frozenset[str] = NOT_CHANGES) -> list[HttpRoute]:
    """Return the native reading routes."""
    handlers = NativeReads(reader, not_changes)
    paths = {
        "/v1/events": handlers.events,
        "/v1/events/{id}": handlers.event,
        "/v1/problems": handlers.problems,
        "/v1/problems/{id}": handlers.problem,
        "/v1/problems/{id}/changes": handlers.problem_changes,
        "/v1/changes": handlers.changes,
        "/v1/histogram": handlers.histogram,
    }
    return [HttpRoute("GET", path, NATIVE, handler) for path, handler in paths.items()]
