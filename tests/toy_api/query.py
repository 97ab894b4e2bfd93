"""What a sixth API would put into its folder in query_api: a ring is read."""

from typing import Final

from causeline.query_api.dialects.read_api import ReadApi
from causeline.query_api.reading.reader import Reader
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer
from causeline.schemas.web.openapi import OpenApiPart
from tests.toy_api.schemas import ID, RING, SCHEMAS, TOWER, TOY, answer, view


def _routes(reader: Reader) -> list[HttpRoute]:
    async def get(request: HttpRequest) -> Answer:
        event = await reader.event(request.tenant, TOY.name, request.params["id"], request.groups)
        if event is None:
            raise NotFound("no such ring")
        return json_answer(200, view(event))

    return [HttpRoute("GET", RING, TOY, get)]


_GET: Final = {"operationId": "toyGetRing", "tags": [TOY.title], "parameters": [TOWER, ID], "responses": {"200": answer("The ring")}}

TOY_READS: Final = ReadApi(TOY, lambda parts: _routes(parts.reader), OpenApiPart({RING: {"get": _GET}}, SCHEMAS))
