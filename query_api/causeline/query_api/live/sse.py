"""Server-sent events as bytes (WHATWG HTML, 9.2): messages of the stream, its beginning, its heartbeat. Pure.

Every message but the beginning is complete without another one. A block that has an id and no data shows nothing to a client's program and
still is where the client goes on, so the beginning and the heartbeats of a quiet stream carry one.
"""

from typing import Any, Final

import msgspec

from causeline.schemas.dialects.native.cause_views import snapshot_view
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem

RETRY_MS: Final = 1_000


def event_message(event: Event, place: str) -> bytes:
    """Return a version of an event as `GET /v1/events/{id}` shows it; of a deleted one with `"deleted": true` beside the last columns."""
    return _message("event", _mark_deleted(view(event), is_deleted=event.is_deleted), place)


def problem_message(problem: Problem, place: str) -> bytes:
    """Return a transition: the problem as `GET /v1/problems` shows it, as it was written; of a deleted one with `"deleted": true`."""
    return _message("problem", _mark_deleted(problem_view(problem), is_deleted=problem.is_deleted), place)


def ranking_message(revision: CauseRevision, place: str) -> bytes:
    """Return a revision of a ranking, without the whole events; the last one of a deleted problem with `"deleted": true`."""
    return _message("causes", _mark_deleted(snapshot_view(revision), is_deleted=revision.is_deleted), place)


def gap_message(missing: int, place: str) -> bytes:
    """Return the word that the log was cut: up to so many records behind the client's place are not there any more."""
    detail = f"the log no longer has up to {missing} records from here on; what follows begins with the oldest that it has"
    return _message("gap", {"missing": missing, "detail": detail}, place)


def beginning(place: str) -> bytes:
    """Return the first block: how long to wait before connecting again, and where the stream begins."""
    return f"retry: {RETRY_MS}\nid: {place}\n\n".encode()


def heartbeat(place: str) -> bytes:
    """Return a comment that keeps the connection, and how far the client has seen everything that there is for it."""
    return f": heartbeat\nid: {place}\n\n".encode()


def _mark_deleted(document: dict[str, Any], *, is_deleted: bool) -> dict[str, Any]:
    return {**document, "deleted": True} if is_deleted else document


def _message(name: str, document: dict[str, Any], place: str) -> bytes:
    # A line break is white space between the tokens of a client's own JSON, and never inside a text, where it is escaped.
    data = msgspec.json.encode(document).replace(b"\r", b" ").replace(b"\n", b" ")
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (place.encode(), name.encode(), data)
