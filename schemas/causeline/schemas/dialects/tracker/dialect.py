"""Tracker, as all slices know it."""

from collections.abc import Mapping
from typing import Any, Final

from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.dialects.tracker import mapping
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import Signal
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import RequestError, grpc_code
from causeline.schemas.web.openapi import TEXT, many, object_schema

_SIGNAL_BY_STATUS: Final[Mapping[str, Signal]] = {"open": "open", "close": "close", "done": "close"}
"""Tracker, "Status Values": Open 7, Close 8, Done 9."""


def _signal_of(event: Event) -> Signal:
    """Return the signal of an incident's status; one that has an end and no status is over."""
    if event.kind != PROBLEM_KIND:
        return ""
    return "close" if not event.status and event.end is not None else _SIGNAL_BY_STATUS.get(event.status, "")


def _say(error: RequestError) -> tuple[int, Any]:
    """Return `{code: <gRPC code>, message, details}`."""
    return error.status, {"code": grpc_code(error), "message": error.message, "details": []}


TRACKER: Final = Dialect(
    name="tracker",
    title="Tracker",
    envelope=Envelope(
        _say, "TrackerError", object_schema({"code": {"type": "integer", "description": "gRPC code"}, "message": TEXT, "details": many({})})
    ),
    prefixes=("/api/v1alpha1/",),
    signal_of=_signal_of,
    merge=mapping.merge,
)
