"""JSON Schemas of what CTO.ai answers, by their names in `/openapi.json`: one for both sides, which show the same events.

A client generated from the document reads answers through these, so they are as strict as the views are, and name no more than they show.
"""

from typing import Final

from causeline.schemas.web.openapi import TEXT, TIME, Schema, many, object_schema, ref

ANSWERS: Final[dict[str, Schema]] = {
    "CtoAiEvent": object_schema({"id": TEXT, "timestamp": TIME}, more=True),
    "CtoAiStored": object_schema({"id": TEXT, "timestamp": TIME, "message": TEXT, "data": ref("CtoAiEvent")}, more=True),
    "CtoAiEvents": many(ref("CtoAiEvent")),
}
