"""`GET` and `PUT /v1/dora/definition`: a version is on the log before it is answered."""

from typing import Final

from causeline.ingest.bodies.fast_json import body_object
from causeline.ingest.definitions import requests
from causeline.ingest.definitions.defining import Author, Defining
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.dora.views import definition_view
from causeline.schemas.web.errors import Answer, Invalid, NotFound, strangers
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer

DEFINITION_PATH: Final = "/v1/dora/definition"
MAX_DEFINITION_BODY: Final = 64 << 10
"""Bytes of a body: four lists of 50 names of 200 characters, and their aliases."""


class NativeDefinition:
    """The handlers. Everybody of the tenant who may read sees what its numbers mean."""

    def __init__(self, defining: Defining) -> None:
        self._defining = defining

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with the definition that holds, or with a version."""
        number = requests.asked_version(request.query())
        holding = await self._defining.of(request.tenant)
        definition = holding.current if number is None else holding.version(number)
        if definition is None:
            raise NotFound(f"there is no version {number} of the definition; the newest is {holding.current.version}")
        return json_answer(200, definition_view(definition))

    async def put(self, request: HttpRequest) -> Answer:
        """Let the definition be as the body says, whatever it was before."""
        if errors := strangers((name for name, _ in request.query()), (), "is not a parameter of this call"):
            raise Invalid.naming(errors, where="QUERY")
        definition = requests.definition_of(body_object(request.body))
        author = Author(request.caller, request.received_at, idempotency_key(request.headers))
        return json_answer(200, definition_view(await self._defining.put(request.tenant, definition, author)))


def routes(defining: Defining) -> list[HttpRoute]:
    """Return the routes. What numbers mean is the operator's to say: `admin` writes it, `read` reads it."""
    handlers = NativeDefinition(defining)
    return [
        HttpRoute("GET", DEFINITION_PATH, NATIVE, handlers.get),
        HttpRoute("PUT", DEFINITION_PATH, NATIVE, handlers.put, media=JSON_MEDIA, max_body=MAX_DEFINITION_BODY, scope="admin"),
    ]
