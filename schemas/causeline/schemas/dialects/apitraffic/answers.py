"""JSON Schemas of what ApiTraffic answers, by their names in `/openapi.json`: one for both sides, which show the same events.

A client generated from the document reads answers through these, so they are as strict as the views are, and name no more than they show.
"""

from typing import Final, get_args

from causeline.schemas.dialects.apitraffic.mapping import EventType
from causeline.schemas.web.openapi import MAYBE_TEXT, MAYBE_TIME, TEXT, TIME, Schema, many, object_schema, ref

_MARKER: Final = object_schema(
    {
        "sid": {**TEXT, "pattern": "^evt_[0-9A-Za-z]{27}$"},
        "accountSid": TEXT,
        "type": {**TEXT, "enum": list(get_args(EventType))},
        "name": {**TEXT, "minLength": 1},
        "description": MAYBE_TEXT,
        "source": MAYBE_TEXT,
        "metadata": {"type": ["object", "null"], "additionalProperties": True},
        "bucketSids": {**many(TEXT), "minItems": 1},
        "environmentSids": {**many(TEXT), "minItems": 1},
        "startedAt": TIME,
        "endedAt": MAYBE_TIME,
        "createdAt": TIME,
    },
    more=True,
)
ANSWERS: Final[dict[str, Schema]] = {
    "ApiTrafficEvent": _MARKER,
    "ApiTrafficEvents": object_schema(
        {"hasMore": {"type": "boolean"}, "records": many(ref("ApiTrafficEvent")), "nextCursor": TEXT}, "nextCursor"
    ),
    "ApiTrafficDeleted": object_schema({"sid": _MARKER["properties"]["sid"], "deleted": {"type": "boolean", "enum": [True]}}),
}
