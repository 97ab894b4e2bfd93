"""`GET /v1/events/{id}/effects`: which problems a change did, the reverse of their causes."""

from typing import Any, Final

from causeline.query_api.dialects.native.causes_http import assessment_view, reason_views
from causeline.query_api.dialects.native.http import event_of
from causeline.query_api.questions import native
from causeline.query_api.reading.causes import CauseReader, round_shown
from causeline.query_api.reading.effects import EffectReader, ProblemEffect
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer


class NativeEffects:
    """The handler."""

    def __init__(self, reader: Reader, causes: CauseReader) -> None:
        self._reader: Final = reader
        self._effects: Final = EffectReader(reader, causes)

    async def effects(self, request: HttpRequest) -> Answer:
        """Answer with the problems in whose rankings the change stands, of what the caller may see."""
        most = native.effect_limit(request.query())
        event = await event_of(self._reader, request)
        answer = await self._effects.effects(event, request.groups, request.received_at)
        effects = [_effect_view(effect) for effect in answer.effects[:most]]
        return json_answer(200, {"event": view(event), "truncated": answer.is_truncated, "effects": effects})


def _effect_view(effect: ProblemEffect) -> dict[str, Any]:
    cause = effect.cause
    return {
        "probability": round_shown(cause.probability),
        "verdict": effect.verdict,
        "relation": cause.relation,
        "offset_seconds": -cause.offset_seconds,
        "feedback": cause.feedback,
        "assessment": assessment_view(effect.assessment),
        "reasons": reason_views(cause),
        "problem": problem_view(effect.problem),
    }


def routes(reader: Reader, causes: CauseReader) -> list[HttpRoute]:
    """Return the routes of effects."""
    return [HttpRoute("GET", "/v1/events/{id}/effects", NATIVE, NativeEffects(reader, causes).effects)]
