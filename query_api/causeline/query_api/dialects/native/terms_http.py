"""`GET /v1/problems/{id}/causes/terms`: what weights multiply in a ranking, of every candidate, from which weights can be fitted anew."""

from collections.abc import Iterable
from typing import Any, Final

from causeline.query_api.causes.evidence import Term
from causeline.query_api.causes.model import Model
from causeline.query_api.dialects.native.http import history_of
from causeline.query_api.reading.causes import CauseReader, RankedCauses
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.feedback.assessment import NO_EVENT
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer, without_query


class NativeTerms:
    """The handler."""

    def __init__(self, reader: Reader, causes: CauseReader) -> None:
        self._reader: Final = reader
        self._causes: Final = causes

    async def terms(self, request: HttpRequest) -> Answer:
        """Answer with the terms of none and of every change that the caller may see, and with the weights in use."""
        history = await history_of(self._reader, request)
        answer = await self._causes.causes(history.problem, request.groups, request.received_at)
        return json_answer(200, _terms_view(history.problem.id, answer, self._causes.rules.model))


def _terms_view(problem_id: str, answer: RankedCauses, model: Model) -> dict[str, Any]:
    none = answer.assessments.get(NO_EVENT)
    return {
        "problem_id": problem_id,
        "model": {"version": model.version, "weights": model.weights},
        "none": {"feedback": None if none is None else none.verdict, "terms": _sums(answer.ranking.none_terms)},
        "changes": [
            {"event_id": cause.event_id, "feedback": cause.feedback, "terms": _sums(t for reason in cause.reasons for t in reason.terms)}
            for cause in answer.ranking.causes
        ],
    }


def _sums(terms: Iterable[Term]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for weight, value in terms:
        sums[weight] = sums.get(weight, 0.0) + value
    return sums


def routes(reader: Reader, causes: CauseReader) -> list[HttpRoute]:
    """Return the routes of terms."""
    handler = NativeTerms(reader, causes).terms
    return [HttpRoute("GET", "/v1/problems/{id}/causes/terms", NATIVE, without_query(handler))]
