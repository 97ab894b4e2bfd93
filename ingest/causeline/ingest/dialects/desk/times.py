"""Times of the DESK Events API v1: when an event starts and ends, and how far it may lie in the past or the future.

Limits are inclusive and compared in ms. A problem-opening event that is too old is not refused here but marked: the literal repeat of
a payload with an explicit start becomes older than the limit while it keeps its problem open, so who knows the open problems decides.
"""

from typing import Final, NamedTuple

from causeline.ingest.dialects.desk.body import Payload
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.values.times import looks_like_seconds
from causeline.schemas.web.errors import FieldError, Invalid

_MINUTE_MS: Final = 60_000
VIOLATED: Final = "Constraints violated."


class Times(NamedTuple):
    """Start, end (None for a problem-opening event) and timeout (0 for an information-only event), all ms.

    `too_old` is the refusal of a problem-opening event whose start is before the limit, unless it refreshes an open problem.
    """

    start: int
    end: int | None
    timeout_ms: int
    too_old: Invalid | None = None


def times_of(payload: Payload, now: int) -> Times:
    """Return the times of a payload received at `now` (ms UTC). Raises Invalid with every broken limit."""
    violations = list(payload.limits)
    start = _start(payload, now)
    past = _past(payload, start, now)
    if not payload.type.opens_problem:
        end = payload.end if payload.end is not None else max(now, start)
        violations += past + _future("start", payload, start, now) + _end(payload, start, end, now)
        _refuse(violations)
        return Times(start, end, 0)
    minutes = payload.timeout_minutes or VOCABULARY.timeout_default_min
    if not 1 <= minutes <= VOCABULARY.timeout_max_min:
        violations.append(FieldError("timeoutMinutes", f"must be between 1 and {VOCABULARY.timeout_max_min}"))
    violations += _future("start", payload, start, now)
    _refuse(violations)
    return Times(start, None, minutes * _MINUTE_MS, Invalid(VIOLATED, tuple(past)) if past else None)


def _start(payload: Payload, now: int) -> int:
    if payload.start is not None:
        return payload.start
    return now if payload.end is None else min(now, payload.end)


def _past(payload: Payload, start: int, now: int) -> list[FieldError]:
    limit = payload.type.max_past_ms
    if start >= now - limit:
        return []
    message = f"must not be more than {limit // _MINUTE_MS} minutes in the past"
    if looks_like_seconds(start):
        message = "looks like seconds, it must be UTC milliseconds"
    return [FieldError("start" if payload.start is not None else "end", message)]


def _future(path: str, payload: Payload, moment: int, now: int) -> list[FieldError]:
    limit = payload.type.max_future_ms
    return [FieldError(path, f"must not be more than {limit // _MINUTE_MS} minutes in the future")] if moment > now + limit else []


def _end(payload: Payload, start: int, end: int, now: int) -> list[FieldError]:
    if end < start:
        return [FieldError("end", "must not be before start")]
    return _future("end", payload, end, now) if start <= now + payload.type.max_future_ms else []


def _refuse(violations: list[FieldError]) -> None:
    if violations:
        raise Invalid(VIOLATED, tuple(violations))
