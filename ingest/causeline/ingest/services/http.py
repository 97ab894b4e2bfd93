"""`/v1/services`: describe services, one or many at once, show and forget them; a change is on the log before it is answered."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from causeline.ingest.bodies.fast_json import body_object, item_object
from causeline.ingest.bodies.items import NDJSON, One, split, too_large
from causeline.ingest.idempotency import idempotency_key
from causeline.ingest.services import requests
from causeline.ingest.services.changes import ServiceChanges
from causeline.ingest.services.listing import SERVICE_FILTERS, select_services
from causeline.ingest.services.registering import Registering
from causeline.ingest.slices import Slices
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer, FieldError, NotFound, RequestError, TooLarge
from causeline.schemas.web.http import JSON_MEDIA, MAX_BODY, HttpRequest, HttpRoute, json_answer, without_query
from causeline.schemas.web.listing import read_listing_question

SERVICES_PATH: Final = "/v1/services"
SERVICE_PATH: Final = f"{SERVICES_PATH}/{{name:path}}"
"""A name may hold slashes, which a client writes as %2F."""
SERVICES_MEDIA: Final = ("application/json", NDJSON)
MAX_IMPORT: Final = 16 << 20
"""Bytes of a request with several services, after inflation."""


class NativeServices:
    """The handlers. Everybody of the tenant who may read sees every service."""

    def __init__(self, parts: Registering) -> None:
        self._parts = parts

    async def replace(self, request: HttpRequest) -> Answer:
        """Let a service be as the body says, whatever it was before."""
        service = requests.service_of(body_object(request.body), request.received_at, _name(request))
        async with self._changing(request) as changes:
            current = changes.put(service)
        return json_answer(200, requests.service_view(current))

    async def replace_several(self, request: HttpRequest) -> Answer:
        """Do the same for each of several services; answer with a result for each, in the order sent. One object is answered as by PUT."""
        items = split(request.body, request.content_type)
        if isinstance(items, One):
            service = requests.service_of(item_object(items.raw), request.received_at)
            async with self._changing(request) as changes:
                current = changes.put(service)
            return json_answer(200, requests.service_view(current))
        async with self._changing(request) as changes:
            results = await _results(items.raw, request.received_at, changes)
        counts = Counter(result["status"] for result in results)
        return json_answer(200, {"accepted": counts["accepted"], "rejected": counts["rejected"], "results": results})

    async def list(self, request: HttpRequest) -> Answer:
        """Answer with a page of services, in the order of names; of those near to a name, the nearest first."""
        listing = read_listing_question(request.query(), "services", SERVICE_FILTERS, many=("team",))
        documents: list[dict[str, Any]] = []
        for service in select_services((await self._parts.view()).topology(request.tenant), listing):
            if len(documents) == listing.limit:
                return json_answer(200, {"services": documents, "next_cursor": listing.cursor(documents[-1]["name"])})
            documents.append(requests.service_view(service))
        return json_answer(200, {"services": documents, "next_cursor": None})

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with one service, by its own name."""
        name = _name(request)
        service = (await self._parts.view()).service(request.tenant, name)
        if service is None:
            raise NotFound(f"there is no service {name[:100]}")
        return json_answer(200, requests.service_view(service))

    async def delete(self, request: HttpRequest) -> Answer:
        """Forget a service; who depends on it still does."""
        async with self._changing(request) as changes:
            changes.delete(_name(request))
        return Answer(204, {}, b"")

    def _changing(self, request: HttpRequest) -> AbstractAsyncContextManager[ServiceChanges]:
        return self._parts.changing(request.tenant, request.received_at, idempotency_key(request.headers))


def _name(request: HttpRequest) -> str:
    return request.params["name"].strip()


async def _results(items: Sequence[bytes], now: int, changes: ServiceChanges) -> list[dict[str, Any]]:
    """Return the result of each item. Ten thousand take seconds: whoever waits has a turn in between."""
    results: list[dict[str, Any]] = []
    slices = Slices()
    for raw in items:
        results.append(_result(raw, now, changes))
        await slices.add(len(raw))
    return results


def _result(raw: bytes, now: int, changes: ServiceChanges) -> dict[str, Any]:
    try:
        if len(raw) > MAX_BODY:
            raise TooLarge(too_large(raw))
        current = changes.put(requests.service_of(item_object(raw), now))
    except RequestError as error:
        fields = error.fields or (FieldError("", error.message),)
        return {"status": "rejected", "errors": [{"field": field.field, "message": field.message} for field in fields]}
    return {"status": "accepted", "name": current.name}


def routes(parts: Registering) -> list[HttpRoute]:
    """Return the routes. What services there are is data, as events are: `ingest` writes it, `read` reads it."""
    handlers = NativeServices(parts)
    return [
        HttpRoute(
            "POST",
            SERVICES_PATH,
            NATIVE,
            without_query(handlers.replace_several),
            media=SERVICES_MEDIA,
            max_body=MAX_IMPORT,
            log="configuration",
        ),
        HttpRoute("GET", SERVICES_PATH, NATIVE, handlers.list),
        HttpRoute("PUT", SERVICE_PATH, NATIVE, without_query(handlers.replace), media=JSON_MEDIA, log="configuration"),
        HttpRoute("GET", SERVICE_PATH, NATIVE, without_query(handlers.get)),
        HttpRoute("DELETE", SERVICE_PATH, NATIVE, without_query(handlers.delete), log="configuration"),
    ]
