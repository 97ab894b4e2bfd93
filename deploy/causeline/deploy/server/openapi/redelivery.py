"""OpenAPI path items of what repeats deliveries. The routes of `redelivery_http.py` and the paths below change together."""

from typing import Final

from causeline.deploy.server.redelivery_http import DELIVERY_RETRY_PATH, SUBSCRIPTION_RETRY_PATH
from causeline.query_api.questions.parameters import REDELIVERY_PARAMETERS
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.values.json_object import Json
from causeline.schemas.web.openapi import OpenApiPart

_TEXT: Final[Json] = {"type": "string"}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def _post(name: str, summary: str, of: str, answer: Json, errors: Json) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [NATIVE.title],
        "parameters": [{"name": "id", "in": "path", "required": True, "description": of, "schema": _TEXT}],
        "responses": {"202": {"description": "On the log", "content": {"application/json": {"schema": _object(answer)}}}, **errors},
    }


_CURSOR: Final = {"type": ["string", "null"], "description": "`cursor` for those after them"}
_MEMBERS: Final = _object({each.name: {**each.schema, "description": each.description} for each in REDELIVERY_PARAMETERS})
_BODY: Final[Json] = {"required": False, "content": {"application/json": {"schema": _MEMBERS}}}

_PATHS: Final[Json] = {
    DELIVERY_RETRY_PATH: {
        "post": _post(
            "retryDelivery",
            "Begin a dead delivery again, under its id",
            "Id of the delivery",
            {"delivery_id": _TEXT, "subscription_id": _TEXT},
            {"409": {"description": "It is not dead, or its subscription was deleted"}},
        )
    },
    SUBSCRIPTION_RETRY_PATH: {
        "post": {
            **_post(
                "retryDeliveries",
                "Begin the dead deliveries of a subscription again, oldest first",
                "Id of the subscription",
                {
                    "retried": {"type": "integer"},
                    "next_cursor": _CURSOR,
                },
                {"422": {"description": "A member is unknown or cannot be read"}},
            ),
            "requestBody": _BODY,
        }
    },
}

PART: Final = OpenApiPart(_PATHS)
