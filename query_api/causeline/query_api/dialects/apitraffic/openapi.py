"""OpenAPI path items of ApiTraffic's reads. They are merged with those of the writing side, by path."""

from typing import Any, Final

from causeline.query_api.dialects.apitraffic.parameters import MARKER_PARAMETERS as PARAMETERS
from causeline.schemas.dialects.apitraffic.answers import ANSWERS
from causeline.schemas.dialects.apitraffic.dialect import APITRAFFIC
from causeline.schemas.dialects.apitraffic.paths import ACCOUNT_EVENT_PATH, ACCOUNT_EVENTS_PATH, ACCOUNT_SID, EVENT_SID, REFUSED
from causeline.schemas.web.openapi import OpenApiPart, ref


def _get(name: str, summary: str, schema: str, answer: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    responses = {"200": {"description": answer, "content": {"application/json": {"schema": ref(schema)}}}, **REFUSED}
    all_parameters = [ACCOUNT_SID, *parameters]
    return {
        "get": {"operationId": name, "summary": summary, "tags": [APITRAFFIC.title], "parameters": all_parameters, "responses": responses}
    }


PATHS: Final[dict[str, Any]] = {
    ACCOUNT_EVENTS_PATH: _get(
        "apitrafficListEvents",
        "Event markers, newest first",
        "ApiTrafficEvents",
        "`records` and `hasMore`; `nextCursor` where there are more",
        [parameter.describe() for parameter in PARAMETERS],
    ),
    ACCOUNT_EVENT_PATH: _get("apitrafficGetEvent", "One event marker", "ApiTrafficEvent", "The event", [EVENT_SID]),
}

PART: Final = OpenApiPart(PATHS, ANSWERS)
