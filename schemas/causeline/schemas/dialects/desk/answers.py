"""JSON Schemas of what the DESK Events API v1 answers, by their names in `/openapi.json`: one for both sides, which show the same events.

A client generated from the document reads answers through these, so they are as strict as the views are, and name no more than they show.
"""

from typing import Final

from causeline.schemas.web.openapi import MAYBE_TEXT, TEXT, Schema, many, object_schema, ref

_INT64: Final[Schema] = {"type": "integer", "format": "int64"}


_REST_ENTRY: Final = object_schema(
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
ANSWERS: Final[dict[str, Schema]] = {
    "EventRestEntry": _REST_ENTRY,
    "EventStoreResult": object_schema({"storedEventIds": many(_INT64), "storedIds": many(TEXT), "storedCorrelationIds": many(TEXT)}),
    "EventQueryResult": object_schema(
        {
            **dict.fromkeys(("nextCursor", "nextEventId"), MAYBE_TEXT),
            **dict.fromkeys(("from", "to", "totalEventCount"), _INT64),
            "events": many(ref("EventRestEntry")),
        },
        "nextCursor",
        "nextEventId",
        more=True,
    ),
}
