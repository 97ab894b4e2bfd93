"""`PUT` and `DELETE /v1/problems/{id}/causes/{event_id}/feedback`: what people know of a change in a problem, or of none (`none`).

A change is on the log before it is answered, and the answer is the ranking that it makes, as GET gives it.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any, Final, NamedTuple

import msgspec

from causeline.ingest.bodies.fast_json import body_object
from causeline.ingest.feedback import requests
from causeline.ingest.feedback.assessing import Assessing
from causeline.ingest.feedback.changes import FeedbackChanges
from causeline.ingest.idempotency import idempotency_key
from causeline.ingest.ports import StoredSubjects
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.feedback.assessment import NO_EVENT, Assessment, AssessmentPlace
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.errors import Answer, NotFound, Unavailable
from causeline.schemas.web.http import JSON_MEDIA, Handler, HttpRequest, HttpRoute, json_answer, without_query
from causeline.schemas.web.listing import read_listing_question

FEEDBACK_PATH: Final = "/v1/problems/{id}/causes/{event_id}/feedback"
FEEDBACKS_PATH: Final = "/v1/feedback"


class FeedbackParts(NamedTuple):
    """What the handlers are made of. `subjects` are the problems and events, `ranking` answers with a problem's causes."""

    assessing: Assessing
    subjects: StoredSubjects
    ranking: Handler


class NativeFeedback:
    """The handlers. Who may not see an event cannot say anything of it, nor learn that somebody did."""

    def __init__(self, parts: FeedbackParts) -> None:
        self._assessing, self._subjects, self._ranking = parts

    async def put(self, request: HttpRequest) -> Answer:
        """Let a verdict on a change hold, whatever was said of it before."""
        body = requests.feedback_of(body_object(request.body))
        problem = await self._problem(request)
        event = None if _event_id(request) == NO_EVENT else await self._event(request)
        assessment = Assessment(
            verdict=body.verdict,
            note=body.note,
            at=request.received_at,
            by=request.caller,
            service="" if event is None else event.service,
            kind="" if event is None else event.kind,
            correlation_id=problem.correlation_id,
            is_restricted=event is not None and bool(event.allowed_groups),
        )
        async with self._changing(request) as changes:
            changes.put(AssessmentPlace(problem.id, NO_EVENT if event is None else event.id), assessment)
        return await self._rank(request)

    async def delete(self, request: HttpRequest) -> Answer:
        """Take back what was said of a change; where nothing was, nothing changes."""
        problem = await self._problem(request)
        place = AssessmentPlace(problem.id, _event_id(request))
        if place.event != NO_EVENT and not await self._is_gone(request, place):
            await self._event(request)
        async with self._changing(request) as changes:
            changes.delete(place)
        return await self._rank(request)

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with a page of all that was said in a tenant, in the order of problems and events."""
        listing = read_listing_question(request.query(), "feedback")
        problem_id, _, event_id = listing.after.partition("/")
        after = AssessmentPlace(problem_id, event_id)
        records = (await self._assessing.of(request.tenant)).records
        views: list[dict[str, Any]] = []
        for place, record in sorted(records.items()):
            if place <= after or record.assessment is None:
                continue
            if len(views) == listing.limit:
                last = f"{views[-1]['problem_id']}/{views[-1]['event_id']}"
                return json_answer(200, {"feedback": views, "next_cursor": listing.cursor(last)})
            views.append(requests.feedback_view(place, record.assessment))
        return json_answer(200, {"feedback": views, "next_cursor": None})

    async def _problem(self, request: HttpRequest) -> Problem:
        history = await self._subjects.problem(request.tenant, request.params["id"], request.received_at)
        if history is None:
            raise NotFound(f"there is no problem {request.params['id'][:100]}")
        return history.problem

    async def _event(self, request: HttpRequest) -> Event:
        event = await self._subjects.event(request.tenant, None, _event_id(request), request.groups)
        if event is None:
            raise NotFound(f"there is no event {_event_id(request)[:100]}")
        return event

    async def _is_gone(self, request: HttpRequest, place: AssessmentPlace) -> bool:
        """Tell whether something was said of an event that everybody could see, and that is not there any more, for nobody."""
        assessment = (await self._assessing.of(request.tenant)).of_problem(place.problem).get(place.event)
        if assessment is None or assessment.is_restricted:
            return False
        return await self._subjects.event(request.tenant, None, place.event, None) is None

    def _changing(self, request: HttpRequest) -> AbstractAsyncContextManager[FeedbackChanges]:
        return self._assessing.changing(request.tenant, request.received_at, idempotency_key(request.headers))

    async def _rank(self, request: HttpRequest) -> Answer:
        try:
            return await self._ranking(msgspec.structs.replace(request, method="GET", query_string="", body=b""))
        except Unavailable as error:
            raise Unavailable(f"what was said is stored; the ranking with it could not be made now: {error}") from error


def _event_id(request: HttpRequest) -> str:
    return request.params["event_id"].lower()


def routes(parts: FeedbackParts) -> list[HttpRoute]:
    """Return the routes. What people know is data, as events are: `ingest` writes it. The list tells of events of every group."""
    handlers = NativeFeedback(parts)
    return [
        HttpRoute("PUT", FEEDBACK_PATH, NATIVE, without_query(handlers.put), media=JSON_MEDIA, log="configuration"),
        HttpRoute("DELETE", FEEDBACK_PATH, NATIVE, without_query(handlers.delete), log="configuration"),
        HttpRoute("GET", FEEDBACKS_PATH, NATIVE, handlers.list, scope="admin"),
    ]
