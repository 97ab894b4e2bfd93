"""Which change did a problem, or none: `GET /v1/problems/{id}/causes`, now or as it was published at a time.

`GET /v1/causes`: the same where there is no problem yet.
"""

import asyncio
from typing import Any, Final

from causeline.query_api.causes.ranking import Cause
from causeline.query_api.dialects.native.http import history_of
from causeline.query_api.dialects.native.revision_views import revision_view
from causeline.query_api.questions import native
from causeline.query_api.questions.query import ProblemHistory
from causeline.query_api.questions.views import history_view
from causeline.query_api.reading.causes import CauseReader, RankedCauses, is_provisional, round_shown
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.revisions import RevisionReader, revision_number
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.native.views import view
from causeline.schemas.feedback.assessment import NO_EVENT, Assessment
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


class NativeCauses:
    """The handlers."""

    def __init__(self, reader: Reader, causes: CauseReader) -> None:
        self._reader: Final = reader
        self._causes: Final = causes
        self._revisions: Final = RevisionReader(reader)

    async def causes(self, request: HttpRequest) -> Answer:
        """Answer with the ranking as of now, of what the caller may see, or with the one that was published at a time."""
        now = request.received_at
        question = native.cause_question(request.query(), now)
        history = await history_of(self._reader, request)
        if question.at is not None:
            return await self._causes_at(request, history, question.at, question.limit)
        answer, newest = await asyncio.gather(
            self._causes.causes(history.problem, request.groups, now, question.before), self._revisions.newest(history.problem)
        )
        number = revision_number(newest, answer, question.before)
        view = {"problem": history_view(history), **self._answer_view(history.problem, answer, now, question.limit)}
        return json_answer(200, view | {"revision": number, "as_of": rfc3339(now)})

    async def _causes_at(self, request: HttpRequest, history: ProblemHistory, at: int, limit: int) -> Answer:
        past = await self._revisions.causes_at(history.problem, at, request.groups, limit)
        if past is None:
            raise NotFound(f"no ranking of problem {history.problem.id} was published by {rfc3339(at)}")
        return json_answer(200, revision_view(history, past))

    async def onset_causes(self, request: HttpRequest) -> Answer:
        """Answer with the ranking of an onset that the request describes, of what the caller may see."""
        now = request.received_at
        onset, question = native.onset_question(request.query(), request.tenant, now)
        subject, answer = await self._causes.onset_causes(onset, request.groups, now, question.before)
        about = {"service": subject.service, "environment": subject.environment, "at": rfc3339(subject.start)}
        return json_answer(200, about | self._answer_view(subject, answer, now, question.limit) | {"as_of": rfc3339(now)})

    def _answer_view(self, problem: Problem, answer: RankedCauses, now: int, limit: int) -> dict[str, Any]:
        """Return a ranking as it is shown, with its first causes, and which kinds it looked for. `limit` cuts the list, not the sum."""
        return _ranking_view(problem, answer, now, limit) | {"kinds": self._causes.rules.all_kinds_of(problem.tenant)}


def _ranking_view(problem: Problem, answer: RankedCauses, now: int, limit: int) -> dict[str, Any]:
    ranking = answer.ranking
    return {
        "verdict": ranking.verdict,
        "none_probability": round_shown(ranking.none_probability),
        "none_score": round_shown(ranking.none_score),
        "none_assessment": assessment_view(answer.assessments.get(NO_EVENT)),
        "candidates": ranking.candidates,
        "truncated": answer.is_truncated,
        "provisional": is_provisional(problem, now),
        "model": ranking.model,
        "computed_at": rfc3339(now),
        "blind_spots": [{"service": spot.service, "kind": spot.kind} for spot in ranking.blind_spots],
        "causes": [
            _cause_view(cause, answer.events[cause.event_id]) | {"assessment": assessment_view(answer.assessments.get(cause.event_id))}
            for cause in ranking.causes[:limit]
        ],
    }


def _cause_view(cause: Cause, event: Event) -> dict[str, Any]:
    return {
        "probability": round_shown(cause.probability),
        "score": round_shown(cause.score),
        "relation": cause.relation,
        "offset_seconds": cause.offset_seconds,
        "feedback": cause.feedback,
        "reasons": reason_views(cause),
        "event": view(event),
    }


def reason_views(cause: Cause) -> list[dict[str, Any]]:
    """Return the reasons of a cause as they are shown."""
    return [{"feature": reason.feature, "contribution": round_shown(reason.contribution), "text": reason.text} for reason in cause.reasons]


def assessment_view(assessment: Assessment | None) -> dict[str, Any] | None:
    """Return what somebody said, as it is shown; None where nobody did."""
    if assessment is None:
        return None
    return {"verdict": assessment.verdict, "note": assessment.note, "by": assessment.by, "at": rfc3339(assessment.at)}


def routes(reader: Reader, causes: CauseReader) -> list[HttpRoute]:
    """Return the routes of causes."""
    handlers = NativeCauses(reader, causes)
    return [
        HttpRoute("GET", "/v1/problems/{id}/causes", NATIVE, handlers.causes),
        HttpRoute("GET", "/v1/causes", NATIVE, handlers.onset_causes),
    ]
