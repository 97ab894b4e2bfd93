"""The native reads over HTTP: events, problems, the correlation window and the histogram under `/v1`."""

from typing import Any, Final

import msgspec

from causeline.query_api.dialects.native.revision_views import past_view
from causeline.query_api.questions import native
from causeline.query_api.questions.query import ChangeQuery, EventPosition, ProblemHistory, RelatedChange
from causeline.query_api.questions.views import history_view
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.revisions import RevisionReader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.records.event import NOT_CHANGES, Event
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.csv_answers import csv_answer, next_link, prefers_csv
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer, without_query
from causeline.schemas.web.principal import Groups

_TABLE: Final = (
    *("id", "state", "start", "end", "service", "environment", "priority", "severity", "title", "refresh_count", "transition"),
    *("source", "owner", "team", "kind", "dialect", "correlation_id", "event_id"),
)
"""Columns of the table of problems: what is one value each."""
_CAUSE_TABLE: Final = ("verdict", "cause_id", "cause_title", "cause_probability")
_CAUSES: Final = 3
"""Causes that a list shows of each problem; all of them are at `/v1/problems/{id}/causes`."""


class NativeReads:
    """The handlers. `not_changes` are the kinds that a correlation window leaves out."""

    def __init__(self, reader: Reader, not_changes: frozenset[str]) -> None:
        self._reader = reader
        self._revisions = RevisionReader(reader)
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
        return json_answer(200, view(await event_of(self._reader, request)))

    async def problems(self, request: HttpRequest) -> Answer:
        """Answer with a page of problems."""
        where, paging, has_causes = native.problem_question(request.query(), request.tenant, request.received_at)
        store = await self._reader.lists(request.tenant, problems=True)
        rows = await store.problems(where, paging.page)
        problems, cursor = paging.cut(rows, lambda problem: EventPosition(problem.start, problem.id))
        views = [problem_view(problem) for problem in problems]
        if has_causes:
            ids = [problem.id for problem in problems]
            rankings = await self._revisions.newest_of(request.tenant, ids, request.groups, _CAUSES)
            for problem in views:
                problem["causes"] = past_view(rankings[problem["id"]]) if problem["id"] in rankings else None
        if prefers_csv(request):
            lines = ([*(view[name] for name in _TABLE), *(_cause_cells(view["causes"]) if has_causes else ())] for view in views)
            head = (*_TABLE, *(_CAUSE_TABLE if has_causes else ()))
            return csv_answer([head, *lines], {"Vary": "Accept", **next_link(request, request.path, cursor)})
        return json_answer(200, {"problems": views, "next_cursor": cursor}, {"Vary": "Accept"})

    async def problem(self, request: HttpRequest) -> Answer:
        """Answer with one problem and its transitions."""
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


def _cause_cells(ranking: dict[str, Any] | None) -> tuple[object, ...]:
    """Return the verdict of a ranking and its first cause; blanks where there is none."""
    if ranking is None:
        return ("",) * len(_CAUSE_TABLE)
    first = next(iter(ranking["causes"]), None)
    return (ranking["verdict"], *(("", "", "") if first is None else (first["event"]["id"], first["event"]["title"], first["probability"])))


async def event_of(reader: Reader, request: HttpRequest) -> Event:
    """Return the event that a path names. Raises NotFound, and what `Reader.event` raises."""
    event = await reader.event(request.tenant, None, request.params["id"], request.groups)
    if event is None:
        raise NotFound(f"there is no event {request.params['id'][:100]}")
    return event


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
        "/v1/events/{id}": without_query(handlers.event),
        "/v1/problems": handlers.problems,
        "/v1/problems/{id}": without_query(handlers.problem),
        "/v1/problems/{id}/changes": handlers.problem_changes,
        "/v1/changes": handlers.changes,
        "/v1/histogram": handlers.histogram,
    }
    return [HttpRoute("GET", path, NATIVE, handler) for path, handler in paths.items()]
