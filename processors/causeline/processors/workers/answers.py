"""From what an endpoint answered to what the delivery state is told: delivered, failed, limited or gone, and why in a few words."""

from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

from causeline.processors.workers.ports import EndpointAnswer, Unanswered
from causeline.processors.workers.secrecy import without
from causeline.schemas.records.delivery_work import MAX_DETAIL, Result

_MAX_RETRY_AFTER_MS: Final = 86_400_000
"""Whoever asks to be left alone for longer is asked again after a day."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an attempt ended; the fields of `AttemptOutcome` of the same names."""

    result: Result
    status: int = 0
    detail: str = ""
    retry_after_ms: int = 0
    thread: str = ""


def verdict(answer: EndpointAnswer | Unanswered, now: int, secrets: Iterable[str] = ()) -> Verdict:
    """Return what an answer means: 2xx delivered, 410 gone, 429 limited, everything else failed. `now` is ms UTC.

    `secrets` are what the request held: an endpoint that repeats them in its answer does not bring them into the delivery log.
    """
    if isinstance(answer, Unanswered):
        return Verdict(result="failed", status=answer.status, detail=answer.why)
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict(result="delivered", status=status)
    detail = clean(without(answer.body.decode("utf-8", "replace"), secrets))
    if status == HTTPStatus.GONE:
        return Verdict(result="gone", status=status, detail=detail)
    result: Result = "limited" if status == HTTPStatus.TOO_MANY_REQUESTS else "failed"
    return Verdict(result=result, status=status, detail=detail, retry_after_ms=retry_after_ms(answer.retry_after, now))


def retry_after_ms(text: str, now: int) -> int:
    """Return how long an endpoint wants to be left alone (RFC 9110, 10.2.3: seconds or a date), 0 where it does not say, at most a day."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * 1000, _MAX_RETRY_AFTER_MS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0, int(moment.timestamp() * 1000) - now), _MAX_RETRY_AFTER_MS)


def clean(text: str) -> str:
    """Return a text of somebody else in one line without control characters, at most 300 characters."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:MAX_DETAIL]
