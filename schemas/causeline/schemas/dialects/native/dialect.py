"""The native API, as all slices know it. A path of nobody else is its own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.dialects.signals import by_status
from causeline.schemas.records.ingest import Signal
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import Invalid, RequestError
from causeline.schemas.web.openapi import TEXT, Schema, many, object_schema

SIGNAL_BY_STATUS: Final[Mapping[str, Signal]] = {"open": "open", "closed": "close"}
"""What an incident's status says of its problem."""


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
    signal_of=by_status(SIGNAL_BY_STATUS),
)
