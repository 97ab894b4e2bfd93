"""The native API, as all slices know it. A path of nobody else is its own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import Signal
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import Invalid, RequestError
from causeline.schemas.web.openapi import TEXT, Schema, many, object_schema

_SIGNAL_BY_STATUS: Final[Mapping[str, Signal]] = {"open": "open", "closed": "close"}


def native_signal(kind: str, status: str, end: int | None) -> Signal:
    """Return what an event of a kind, status and end (ms UTC, None without) says of its problem; an incident with an end alone is over."""
    if kind != PROBLEM_KIND:
        return ""
    return "close" if not status and end is not None else _SIGNAL_BY_STATUS.get(status, "")


def _signal_of(event: Event) -> Signal:
    return native_signal(event.kind, event.status, event.end)


def _say(error: RequestError) -> tuple[int, Any]:
    """Return problem details (RFC 9457). A body that breaks a field's rule is 422, a bad query parameter 400."""
    broken_body = isinstance(error, Invalid) and error.where == "PAYLOAD_BODY"
    status = 422 if broken_body else error.status
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
    }
    if error.fields:
        body["errors"] = [{"field": f.field, "message": f.message} for f in error.fields]
    return status, body


_BROKEN: Final = many(object_schema({"field": TEXT, "message": TEXT}))
_PROBLEM_DETAILS: Final[Schema] = {
    **object_schema({"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT, "errors": _BROKEN}, "errors"),
    "description": "RFC 9457",
}

NATIVE: Final = Dialect(
    name="native",
    title="Native",
    envelope=Envelope(_say, "ProblemDetails", _PROBLEM_DETAILS, "application/problem+json"),
    signal_of=_signal_of,
    schemes=("session", "bearer"),
)
