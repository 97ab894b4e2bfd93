"""Tracker's `metadata`: what the server knows of an event and no client writes, the same in both profiles of REST and over gRPC.

What a client sends there under other names is its own, and is kept and shown beside it as any unknown field is.
"""

from collections.abc import Mapping
from typing import Any, Final

from causeline.schemas.records.event import Event
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import rfc3339

METADATA_MEMBER: Final = "metadata"
_OWN: Final = frozenset({"id", "createdAt", "duration", "slackId", "created_at", "slack_id"})


def foreign(metadata: Any) -> Json:
    """Return the members of a client's `metadata` that are not the server's; none where it is no object."""
    return {key: value for key, value in metadata.items() if key not in _OWN} if isinstance(metadata, Mapping) else {}


def elapsed_ms(event: Event) -> int | None:
    """Return how long what the event tells took, in ms, None where its start or end is not known, or an update put the end first."""
    took = None if event.start is None or event.end is None else event.end - event.start
    return took if took is not None and took >= 0 else None


def _duration(event: Event) -> str | None:
    """Return the duration in the JSON form of google.protobuf.Duration."""
    took = elapsed_ms(event)
    if took is None:
        return None
    seconds, rest = divmod(took, 1_000)
    return f"{seconds}.{rest:03}s" if rest else f"{seconds}s"


def metadata_view(event: Event, raw: Mapping[str, Any]) -> Json:
    """Return the metadata of an event whose canonical object is `raw`."""
    own = {"createdAt": rfc3339(event.ingest_ts), "duration": _duration(event), "id": event.id, "slackId": raw.get("slackId") or ""}
    return {**foreign(raw.get(METADATA_MEMBER)), **own}
