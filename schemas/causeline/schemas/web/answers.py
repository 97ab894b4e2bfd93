"""JSON Schemas of what the dialects answer, by the name that `/openapi.json` gives them: one for both sides, which show the same events.

A client generated from the document reads answers through these, so they are as strict as the views are, and name no more than they show.
What must change together: these and the views of `causeline.schemas.dialects` (tests and fuzzing hold answers against them).
"""

from typing import Any, Final, get_args

from causeline.schemas.dialects.apitraffic.mapping import EventType
from causeline.schemas.dialects.tracker import changelog

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
_MAYBE_TEXTS: Final[Schema] = {"type": ["array", "null"], "items": TEXT}
_MAYBE_TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_COUNTS: Final[Schema] = {"type": "object", "additionalProperties": COUNT}
_CODE: Final[Schema] = {
    "type": ["integer", "string", "null"],
    "description": "The document's number, the name without one or in `released`",
}
_INT64: Final[Schema] = {"type": "integer", "format": "int64"}


def ref(name: str) -> Schema:
    """Return the reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def described(properties: Schema, *optional: str, more: bool = False) -> Schema:
    """Return the schema of an object whose members are all there but the `optional` ones; with `more` it may have others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": more}


def many(items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


_METADATA: Final = described({"createdAt": TIME, "duration": _MAYBE_TEXT, "id": _UUID, "slackId": TEXT}, more=True)
_ATTRIBUTES: Final[Schema] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("type", "priority", "status", "environment"), _CODE),
        "impact": {"type": ["integer", "boolean", "null"], "description": "A level from 0 to 3, or whether there is one"},
        **dict.fromkeys(("startDate", "endDate"), _MAYBE_TIME),
        **dict.fromkeys(("message", "source", "relatedId", "service", "owner"), _MAYBE_TEXT),
        **dict.fromkeys(("stakeHolders", "notifications"), _MAYBE_TEXTS),
        "notification": {"type": ["boolean", "null"]},
    },
    "additionalProperties": True,
}
_ENTRY: Final = described(
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
    "slackId": _MAYBE_TEXT,
    "changelog": many(ref("TrackerChangelogEntry")),
    "id": _UUID,
    "createdAt": TIME,
}
_OPTIONAL: Final = ("slackId", "changelog")
_STATS: Final = dict.fromkeys(("byType", "byStatus", "byPriority", "byEnvironment", "byService"), _COUNTS)
_ROW: Final = described({"year": COUNT, "month": {"type": "integer", "minimum": 1, "maximum": 12}, "count": COUNT, "service": TEXT})
_MONTH: Final = described(
    {"month": {**TEXT, "pattern": r"^\d{4}-\d\d$"}, "totalCount": COUNT, "byType": _COUNTS, "byStatus": _COUNTS}, "byType", "byStatus"
)
_ASKED: Final[Schema] = {"startDate": TEXT, "endDate": TEXT}

TRACKER: Final[dict[str, Schema]] = {
    "TrackerMetadata": _METADATA,
    "TrackerAttributes": _ATTRIBUTES,
    "TrackerChangelogEntry": _ENTRY,
    "TrackerEvent": described(_EVENT, *_OPTIONAL, "id", "createdAt", more=True),
    "TrackerEventAnswer": described({**_EVENT, "event": ref("TrackerEvent")}, *_OPTIONAL, more=True),
    "TrackerEvents": described({"events": many(ref("TrackerEvent")), "totalCount": COUNT}),
    "TrackerDeleted": described({"id": _UUID, "slackId": TEXT}, "slackId"),
    "TrackerChangelog": described({"changelog": many(ref("TrackerChangelogEntry")), "totalCount": COUNT}),
    "TrackerStats": described({"totalCount": COUNT, **_STATS, **_ASKED}),
    "TrackerMonthlyRow": _ROW,
    "TrackerMonth": _MONTH,
    "TrackerMonthlyStats": described(
        {"stats": many(ref("TrackerMonthlyRow")), "totalCount": COUNT, "months": many(ref("TrackerMonth")), **_ASKED}
    ),
}

_MARKER: Final = described(
    {
        "sid": {**TEXT, "pattern": "^evt_[0-9A-Za-z]{27}$"},
        "accountSid": TEXT,
        "type": {**TEXT, "enum": list(get_args(EventType))},
        "name": {**TEXT, "minLength": 1},
        "description": _MAYBE_TEXT,
        "source": _MAYBE_TEXT,
        "metadata": {"type": ["object", "null"], "additionalProperties": True},
        "bucketSids": {**many(TEXT), "minItems": 1},
        "environmentSids": {**many(TEXT), "minItems": 1},
        "startedAt": TIME,
        "endedAt": _MAYBE_TIME,
        "createdAt": TIME,
    },
    more=True,
)
APITRAFFIC: Final[dict[str, Schema]] = {
    "ApiTrafficEvent": _MARKER,
    "ApiTrafficEvents": described(
        {"hasMore": {"type": "boolean"}, "records": many(ref("ApiTrafficEvent")), "nextCursor": TEXT}, "nextCursor"
    ),
    "ApiTrafficDeleted": described({"sid": _MARKER["properties"]["sid"], "deleted": {"type": "boolean", "enum": [True]}}),
}

_REST_ENTRY: Final = described(
    {
        "eventId": _INT64,
        "startTime": _INT64,
        "endTime": {**_INT64, "description": "UTC ms; -1 while it is open"},
        "entityId": TEXT,
        "entityName": TEXT,
        "severityLevel": TEXT,
        "impactLevel": {**TEXT, "enum": ["APPLICATION", "SERVICE", "ENVIRONMENT", "INFRASTRUCTURE"]},
        "eventType": TEXT,
        "eventStatus": {**TEXT, "enum": ["OPEN", "CLOSED"]},
        "tags": many({}),
        "id": TEXT,
    },
    "severityLevel",
    more=True,
)
DESK: Final[dict[str, Schema]] = {
    "EventRestEntry": _REST_ENTRY,
    "EventStoreResult": described({"storedEventIds": many(_INT64), "storedIds": many(TEXT), "storedCorrelationIds": many(TEXT)}),
    "EventQueryResult": described(
        {
            **dict.fromkeys(("nextCursor", "nextEventId"), _MAYBE_TEXT),
            **dict.fromkeys(("from", "to", "totalEventCount"), _INT64),
            "events": many(ref("EventRestEntry")),
        },
        "nextCursor",
        "nextEventId",
        more=True,
    ),
}

CTO_AI: Final[dict[str, Schema]] = {
    "CtoAiEvent": described({"id": TEXT, "timestamp": TIME}, more=True),
    "CtoAiStored": described({"id": TEXT, "timestamp": TIME, "message": TEXT, "data": ref("CtoAiEvent")}, more=True),
    "CtoAiEvents": many(ref("CtoAiEvent")),
}
SCHEMAS: Final[dict[str, Schema]] = TRACKER | APITRAFFIC | DESK | CTO_AI
