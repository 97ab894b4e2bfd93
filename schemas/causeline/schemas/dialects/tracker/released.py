"""What the released Tracker answers over REST (profile `released`): its proto in JSON, so codes by name and a boolean impact.

The profile `document` (`tracker.view`) answers as the API document prints it. Both show the same stored event, and unknown fields where
they stood. What must change together: this view and `tracker_messages.event_message`, the same event over gRPC (a test compares them).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from causeline.schemas.dialects.tracker import changelog, metadata
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.codes import CODE_FIELDS, Profile, name_of, released_name
from causeline.schemas.dialects.tracker.times import as_rfc3339
from causeline.schemas.records.event import Event
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import rfc3339

_OWN: Final = ("id", "createdAt", "event", "slackId")
_TIMES: Final = ("startDate", "endDate")


def _attributes(attributes: Mapping[str, Any]) -> Json:
    out = dict(attributes)
    for field in CODE_FIELDS:
        if out.get(field) is not None:
            out[field] = released_name(field, name_of(field, out[field]))
    for key in _TIMES:
        if out.get(key) is not None:
            out[key] = as_rfc3339(out[key])
    return out


def view(event: Event) -> Json:
    """Return an event as the released Tracker shows it."""
    raw = tracker.parse_canonical(event.raw)
    own = {
        "title": event.title,
        "attributes": _attributes(raw.get("attributes") or {}),
        "links": raw.get("links") or {},
        metadata.METADATA_MEMBER: metadata.metadata_view(event, raw),
        changelog.CHANGELOG_MEMBER: changelog.entries(raw),
    }
    return own | {key: value for key, value in raw.items() if key not in own and key not in _OWN}


def view_one(event: Event) -> Json:
    """Return the answer about one event: under `event` as the released Tracker, and flat with `id` and `createdAt` as in any profile."""
    shown_event = view(event)
    return {"id": event.id, "createdAt": rfc3339(event.ingest_ts), **shown_event, "event": shown_event}


def view_many(events: Iterable[Event], total: int) -> Json:
    """Return the answer about many events; `total` counts all matches, not the page."""
    return {"events": [view(event) for event in events], "totalCount": total}


def view_deleted(event: Event) -> Json:
    """Return the answer about a deleted event: what it was called."""
    return {"id": event.id, "slackId": event.tags.get(tracker.SLACK_TAG, "")}


class Views(NamedTuple):
    """How a profile answers about one event, about many, and about one that it deleted."""

    one: Callable[[Event], Json]
    many: Callable[[Iterable[Event], int], Json]
    deleted: Callable[[Event], Json]


VIEWS: Final[Mapping[Profile, Views]] = {
    "document": Views(tracker.view_one, tracker.view_many, lambda event: {"id": event.id}),
    "released": Views(view_one, view_many, view_deleted),
}
