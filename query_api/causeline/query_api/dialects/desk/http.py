"""The reads of the DESK Events API v1: `GET /api/v1/events` and one event by its encoded id, for the events of that API only.

A list waits until what was on the log when it was asked is in the rows, so it shows whatever was acknowledged before. Clients poll with
the `to` of the last answer as the next `from`, so `to` never promises more than was applied: it stays one longest append behind the
question, because an event takes its time when it is received and is acknowledged up to that much later. A poller may see an event
twice, it never misses one.
"""

from typing import Any, Final
from urllib.parse import unquote

import msgspec

from causeline.query_api.dialects.desk.parameters import ListQuery, ListQuestion, cursor_of, list_query, list_question
from causeline.query_api.dialects.desk.views import entry_of
from causeline.query_api.ports import EventStore, Frontier
from causeline.query_api.questions.query import EventPosition
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.desk.paths import EVENT_PATHS
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY, StoredId, parse_stored_id
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer

LONGEST_APPEND_MS: Final = 5_000
"""Ingest answers within 5 s or says that it does not know: what is acknowledged was received at most that long before."""


class DeskReads:
    """The handlers."""

    def __init__(self, reader: Reader, frontier: Frontier) -> None:
        self._reader = reader
        self._frontier = frontier

    async def many(self, request: HttpRequest) -> Answer:
        """Answer with a page of events, newest first (EventQueryResult)."""
        query = list_query(request.query(), request.received_at)
        if query.first_page:
            query = await self._settle(query)
        question = list_question(query, request.tenant, request.groups)
        store = await self._reader.lists(request.tenant)
        rows = await store.events(question.where, question.page, question.edges) if question else []
        events = rows[: VOCABULARY.page_size]
        more = len(rows) > len(events)
        total = await _total(store, query, question, rows)
        following = cursor_of(query.after(EventPosition(events[-1].ts, events[-1].id), total)) if more else None
        return json_answer(200, _page(query, events, total, following, request.received_at))

    async def one(self, request: HttpRequest) -> Answer:
        """Answer with one event by its encoded id or by the integer at its front, also right after it was acknowledged."""
        id_text = unquote(request.params["eventId"])
        stored_id = parse_stored_id(id_text)
        event = await self._reader.event_by_low(request.tenant, stored_id.low, stored_id.start, request.groups) if stored_id else None
        if stored_id is None or event is None or not _is_named(event, stored_id):
            raise NotFound(f"Event with id '{id_text[:100]}' not found", where="PATH")
        return json_answer(200, entry_of(event, request.received_at))

    async def _settle(self, query: ListQuery) -> ListQuery:
        """Return the query with the `to` of its answer, once the rows are up to date (where they are not in time, it promises nothing)."""
        is_current = await self._frontier.reach()
        horizon_ms = query.asked_at - LONGEST_APPEND_MS
        if query.to_ms <= horizon_ms:
            return query
        return msgspec.structs.replace(query, answered_to=max(query.from_ms, horizon_ms if is_current else query.from_ms))


async def _total(store: EventStore, query: ListQuery, question: ListQuestion | None, rows: list[Event]) -> int:
    if not query.first_page:
        return query.total
    if question is None or len(rows) < question.page.limit:
        return len(rows)
    return await store.count(question.where, question.edges)


def _is_named(event: Event, stored_id: StoredId) -> bool:
    """Say whether an id means this event. The time in the id must be its own, unless a retry with an idempotency key got another."""
    in_time = stored_id.start in (None, event.ts) or ids.ts_of(event.id) is None
    return event.dialect == DESK.name and in_time


def _page(query: ListQuery, events: list[Event], total: int, following: str | None, now: int) -> dict[str, Any]:
    return {
        "nextEventStartTms": None,
        "nextEventId": None,
        "nextCursor": following,
        "from": query.from_ms,
        "to": query.answered_to,
        "totalEventCount": total,
        "events": [entry_of(event, now) for event in events],
    }


def routes(reader: Reader, frontier: Frontier) -> list[HttpRoute]:
    """Return the reading routes, on the paths of both editions of the API."""
    handlers = DeskReads(reader, frontier)
    lists = [HttpRoute("GET", path, DESK, handlers.many) for path in EVENT_PATHS]
    return lists + [HttpRoute("GET", f"{path}/{{eventId}}", DESK, handlers.one) for path in EVENT_PATHS]
