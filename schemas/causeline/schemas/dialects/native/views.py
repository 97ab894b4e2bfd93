"""The native API's words: how an event or a problem is shown, by the side that writes, the side that reads and what is delivered alike."""

from typing import Any

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.times import rfc3339

_NULL = msgspec.Raw(b"null")


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def view(event: Event) -> dict[str, Any]:
    """Return an event as `GET /v1/events/{id}` shows it: every column but `is_deleted`, times in RFC 3339 UTC.

    `raw` is the client's JSON, carried over as it was sent (a `msgspec.Raw`: the JSON encoder copies it without parsing).
    """
    shown = msgspec.structs.asdict(event)
    del shown["is_deleted"]
    shown["ts"] = rfc3339(event.ts)
    shown["start"] = _time(event.start)
    shown["end"] = _time(event.end)
    shown["ingest_ts"] = rfc3339(event.ingest_ts)
    shown["updated_ts"] = rfc3339(event.updated_ts)
    shown["deadline"] = _time(event.deadline)
    shown["raw"] = msgspec.Raw(event.raw.encode()) if event.raw else _NULL
    return shown


def problem_view(problem: Problem) -> dict[str, Any]:
    """Return a problem as `GET /v1/problems` shows it: its columns without `is_deleted`, times in RFC 3339 UTC."""
    shown = msgspec.structs.asdict(problem)
    del shown["is_deleted"]
    for name in ("at", "start", "end", "last_receipt", "deadline", "ingest_ts"):
        shown[name] = _time(shown[name])
    return shown
