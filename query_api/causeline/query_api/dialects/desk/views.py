"""How the DESK Events API v1 shows an event: EventRestEntry, made from the stored row and the moment of the question.

Open or closed is a fact in time: it is computed from the deadline, so a problem that nobody has timed out yet never shows as open.
"""

from typing import Any, Final, Literal

import msgspec

from causeline.schemas.dialects.desk.vocabulary import stored_id
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids

OPEN: Final = "OPEN"
CLOSED_STATUS: Final = "CLOSED"
_NOT_ENDED: Final = -1

_KEPT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Elements go out as the bytes that were kept: no number is read on the way."""

Impact = Literal["APPLICATION", "SERVICE", "ENVIRONMENT", "INFRASTRUCTURE"]

_IMPACTS: Final[tuple[tuple[str, Impact], ...]] = (
    ("APPLICATION", "APPLICATION"),
    ("CUSTOM_APPLICATION", "APPLICATION"),
    ("MOBILE_APPLICATION", "APPLICATION"),
    ("SERVICE", "SERVICE"),
    ("ENVIRONMENT", "ENVIRONMENT"),
)


def impact_of(entity: str) -> Impact:
    """Return the impact level that the type at the front of an entity's id stands for (`SERVICE_METHOD-…` concerns a service)."""
    return next((impact for prefix, impact in _IMPACTS if entity.startswith(prefix)), "INFRASTRUCTURE")


def end_of(event: Event, now: int) -> int | None:
    """Return when the event ended (ms UTC), None while it is open at `now`. At its deadline it is closed."""
    if event.deadline is None:
        return event.ts if event.end is None else event.end
    if event.end is not None:
        return event.end
    return event.deadline if now >= event.deadline else None


def entry_of(event: Event, now: int) -> dict[str, Any]:
    """Return the event as EventRestEntry: absent elements are left out, `endTime` is -1 while it is open."""
    members = _KEPT.decode(event.raw)
    end = end_of(event, now)
    entity = event.entities[0]
    severity = {"severityLevel": event.severity.upper()} if event.severity else {}
    return {
        "eventId": ids.signed_low(event.id),
        "startTime": event.ts,
        "endTime": _NOT_ENDED if end is None else end,
        "entityId": entity,
        "entityName": entity,
        **severity,
        "impactLevel": impact_of(entity),
        "eventType": members.pop("eventType"),
        "eventStatus": OPEN if end is None else CLOSED_STATUS,
        "tags": members.pop("tags", []),
        "id": stored_id(event.id, event.ts),
        **members,
    }
