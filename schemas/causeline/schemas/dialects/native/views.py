"""The native API's words: how an event or a problem is shown, by the side that writes, the side that reads and what is delivered alike."""

from typing import Any, Final

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.commits import COMMITS, commits_view
from causeline.schemas.values.times import rfc3339

_NULL = msgspec.Raw(b"null")
NOT_SHOWN: Final = ("is_deleted", "previous_service", "commit_times")
"""Columns of an event that are not shown under their own names."""


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def view(event: Event) -> dict[str, Any]:
    """Return an event as `GET /v1/events/{id}` shows it: every column but `NOT_SHOWN`, times in RFC 3339 UTC, commits with their times.

    `raw` is the client's JSON, carried over as it was sent (a `msgspec.Raw`: the JSON encoder copies it without parsing).
    """
    document = msgspec.structs.asdict(event)
    for name in NOT_SHOWN:
        del document[name]
    document[COMMITS] = commits_view(event.commits, event.commit_times)
    document["ts"] = rfc3339(event.ts)
    document["start"] = _time(event.start)
    document["end"] = _time(event.end)
    document["ingest_ts"] = rfc3339(event.ingest_ts)
    document["updated_ts"] = rfc3339(event.updated_ts)
    document["deadline"] = _time(event.deadline)
    document["raw"] = msgspec.Raw(event.raw.encode()) if event.raw else _NULL
    return document


_NEW: Final = view(Event(tenant="", id="", dialect="", kind="", ts=0, ingest_ts=0, updated_ts=0))
"""Every column as it is shown where it is empty, in the order of the fields."""
_TIMES: Final = ("start", "end")


def _default(value: Any) -> Any:
    return msgspec.field(default_factory=type(value)) if isinstance(value, dict | list) else value


NewView: Final = msgspec.defstruct("NewView", [(name, Any, _default(value)) for name, value in _NEW.items()], kw_only=True)
"""A first version as JSON shows it. A struct, since a dictionary of all columns takes five times as long to make and to encode."""


def new_view(common: dict[str, str], event_id: str, ts: int, columns: dict[str, Any], raw: bytes) -> msgspec.Struct:
    """Return what is encoded as JSON like `view` of a first version, without an `Event`.

    `columns` holds values by name, none of them None, and no other names; `common` are tenant, dialect and the arrival as `ingest_ts`
    and `updated_ts`, in RFC 3339; `raw` is UTF-8.
    """
    values: dict[str, Any] = columns | common
    values["id"], values["ts"], values["raw"] = event_id, rfc3339(ts), msgspec.Raw(raw)
    for name in _TIMES:
        if name in columns:
            values[name] = rfc3339(columns[name])
    if COMMITS in columns:
        values[COMMITS] = commits_view(columns[COMMITS], values.pop("commit_times"))
    return NewView(**values)


def problem_view(problem: Problem) -> dict[str, Any]:
    """Return a problem as `GET /v1/problems` shows it: its columns without `is_deleted`, times in RFC 3339 UTC."""
    document = msgspec.structs.asdict(problem)
    del document["is_deleted"]
    for name in ("at", "start", "end", "last_receipt", "deadline", "ingest_ts"):
        document[name] = _time(document[name])
    return document
