"""JSON Schemas of what Tracker answers, by their names in `/openapi.json`: one for both sides, which show the same events.

A client generated from the document reads answers through these, so they are as strict as the views are, and name no more than they show.
"""

from typing import Final, get_args

from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.web.openapi import COUNT, MAYBE_TEXT, MAYBE_TIME, TEXT, TIME, Schema, many, object_schema, ref

_MAYBE_TEXTS: Final[Schema] = {"type": ["array", "null"], "items": TEXT}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_COUNTS: Final[Schema] = {"type": "object", "additionalProperties": COUNT}
_CODE: Final[Schema] = {
    "type": ["integer", "string", "null"],
    "description": "The document's number, the name without one or in `released`",
}
_METADATA: Final = object_schema({"createdAt": TIME, "duration": MAYBE_TEXT, "id": _UUID, "slackId": TEXT}, more=True)
_ATTRIBUTES: Final[Schema] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("type", "priority", "status", "environment"), _CODE),
        "impact": {"type": ["integer", "boolean", "null"], "description": "A level from 0 to 3, or whether there is one"},
        **dict.fromkeys(("startDate", "endDate"), MAYBE_TIME),
        **dict.fromkeys(("message", "source", "relatedId", "service", "owner"), MAYBE_TEXT),
        **dict.fromkeys(("stakeHolders", "notifications"), _MAYBE_TEXTS),
        "notification": {"type": ["boolean", "null"]},
    },
    "additionalProperties": True,
}
_ENTRY: Final = object_schema(
    {
        "timestamp": TIME,
        "changeType": {**TEXT, "enum": list(get_args(changelog.ChangeType))},
        **dict.fromkeys(("user", "field", "oldValue", "newValue", "comment"), TEXT),
    }
)
_EVENT: Final[Schema] = {
    "title": {**TEXT, "minLength": 1},
    "attributes": ref("TrackerAttributes"),
    "links": {"type": "object", "additionalProperties": True},
    "metadata": ref("TrackerMetadata"),
    "slackId": MAYBE_TEXT,
    "changelog": many(ref("TrackerChangelogEntry")),
    "id": _UUID,
    "createdAt": TIME,
}
_OPTIONAL: Final = ("slackId", "changelog")
_STATS: Final = dict.fromkeys(("byType", "byStatus", "byPriority", "byEnvironment", "byService"), _COUNTS)
_ROW: Final = object_schema({"year": COUNT, "month": {"type": "integer", "minimum": 1, "maximum": 12}, "count": COUNT, "service": TEXT})
_MONTH: Final = object_schema(
    {"month": {**TEXT, "pattern": r"^\d{4}-\d\d$"}, "totalCount": COUNT, "byType": _COUNTS, "byStatus": _COUNTS}, "byType", "byStatus"
)
_ASKED: Final[Schema] = {"startDate": TEXT, "endDate": TEXT}

ANSWERS: Final[dict[str, Schema]] = {
    "TrackerMetadata": _METADATA,
    "TrackerAttributes": _ATTRIBUTES,
    "TrackerChangelogEntry": _ENTRY,
    "TrackerEvent": object_schema(_EVENT, *_OPTIONAL, "id", "createdAt", more=True),
    "TrackerEventAnswer": object_schema({**_EVENT, "event": ref("TrackerEvent")}, *_OPTIONAL, more=True),
    "TrackerEvents": object_schema({"events": many(ref("TrackerEvent")), "totalCount": COUNT}),
    "TrackerDeleted": object_schema({"id": _UUID, "slackId": TEXT}, "slackId"),
    "TrackerChangelog": object_schema({"changelog": many(ref("TrackerChangelogEntry")), "totalCount": COUNT}),
    "TrackerStats": object_schema({"totalCount": COUNT, **_STATS, **_ASKED}),
    "TrackerMonthlyRow": _ROW,
    "TrackerMonth": _MONTH,
    "TrackerMonthlyStats": object_schema(
        {"stats": many(ref("TrackerMonthlyRow")), "totalCount": COUNT, "months": many(ref("TrackerMonth")), **_ASKED}
    ),
}
