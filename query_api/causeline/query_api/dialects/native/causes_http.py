"""`GET /v1/problems/{id}/causes`: which change did a problem, or none."""

from typing import Any, Final

from causeline.query_api.causes.kinds import HOUR
from causeline.query_api.causes.ranking import Cause
from causeline.query_api.dialects.native.http import history_of
from causeline.query_api.questions import native
from causeline.query_api.questions.query import ProblemHistory
from causeline.query_api.questions.views import history_view
from causeline.query_api.reading.causes import CauseReader, RankedCauses, TopologyOf
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.native.views import view
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer

_YOUNG_MS: Final = HOUR
_DIGITS: Final = 4
"""Of probabilities, scores and contributions: more would feign a precision that a model fitted on some thousand problems does not have."""


class NativeCauses:
    """The handler."""

    def __init__(self, reader: Reader, topology: TopologyOf) -> None:
        self._reader: Final = reader
        self._causes: Final = CauseReader(reader, topology)

    async def causes(self, request: HttpRequest) -> Answer:
        """Answer with the ranking as of now, of what the caller may see."""
        question = native.cause_question(request.query())
        now = request.received_at
        history = await history_of(self._reader, request)
        answer = await self._causes.causes(history.problem, request.groups, now, question.before)
        return json_answer(200, ranking_view(history, answer, now, question.limit))


def ranking_view(history: ProblemHistory, answer: RankedCauses, now: int, limit: int) -> dict[str, Any]:
    """Return a ranking as it is shown, with its first causes. `limit` cuts the list, not the sum."""
    ranking, problem = answer.ranking, history.problem
    return {
        "problem": history_view(history),
        "verdict": ranking.verdict,
        "none_probability": round(ranking.none_probability, _DIGITS),
        "none_score": round(ranking.none_score, _DIGITS),
        "candidates": ranking.candidates,
        "truncated": answer.is_truncated,
        "provisional": problem.state == "open" and now < problem.start + _YOUNG_MS,
        "model": ranking.model,
        "computed_at": rfc3339(now),
        "blind_spots": [{"service": spot.service, "kind": spot.kind} for spot in ranking.blind_spots],
        "causes": [_cause_view(cause, answer.events[cause.event_id]) for cause in ranking.causes[:limit]],
    }


def _cause_view(cause: Cause, event: Event) -> dict[str, Any]:
    return {
        "probability": round(cause.probability, _DIGITS),
        "score": round(cause.score, _DIGITS),
        "relation": cause.relation,
        "offset_seconds": cause.offset_seconds,
        "feedback": cause.feedback,
        "reasons": [
            {"feature": reason.feature, "contribution": round(reason.contribution, _DIGITS), "text": reason.text}
            for reason in cause.reasons
        ],
        "event": view(event),
    }


def routes(reader: Reader, topology: TopologyOf) -> list[HttpRoute]:
    """Return the routes of causes."""
    return [HttpRoute("GET", "/v1/problems/{id}/causes", NATIVE, NativeCauses(reader, topology).causes)]
