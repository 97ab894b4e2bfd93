"""What a sixth API would put into its folder in ingest: a bell is rung, and its sound changes."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from causeline.ingest import changes
from causeline.ingest.app import Firsts, IngestService, arrival_of
from causeline.ingest.bodies.models import validate
from causeline.ingest.bodies.strict_json import json_object
from causeline.ingest.changes import Change
from causeline.ingest.dialects.write_api import WriteApi
from causeline.ingest.idempotency import fingerprint_of, id_of_key, idempotency_key
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Answer, NotFound
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer
from causeline.schemas.web.openapi import OpenApiPart
from tests.toy_api.schemas import ID, RING, RINGS, SCHEMAS, TOWER, TOY, answer, columns, view


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    bell: Annotated[str, StringConstraints(min_length=1)] = "-"
    sound: Literal["ringing", "quiet"]


class ToyWrites:
    """The handlers."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        text, raw = json_object(request.body)
        validate(_Body, raw)
        key = idempotency_key(request.headers)

        def make(firsts: Firsts) -> Change:
            now = arrival_of(firsts, request.received_at)
            event_id = id_of_key(request.tenant, TOY.name, key) if key else self._service.new_id(now)
            event = Event(
                tenant=request.tenant, id=event_id, dialect=TOY.name, ts=now, ingest_ts=now, updated_ts=now, raw=text, **columns(raw)
            )
            return changes.create_event(TOY, event, fingerprint=fingerprint_of(raw) if key else 0)

        return json_answer(201, view((await self._service.once(TOY.name, request.received_at, make)).event))

    async def update(self, request: HttpRequest) -> Answer:
        _, patch = json_object(request.body)
        validate(_Body, patch)
        now, ring = request.received_at, request.params["id"]
        current = await self._service.events.current(request.tenant, TOY.name, ring, request.groups)
        if current is None:
            raise NotFound("no such ring")
        change = changes.patch_event(TOY, current, patch, key="", now=now, record_id=self._service.new_id(now))
        await self._service.once(TOY.name, now, lambda _: change)
        return json_answer(200, view(change.event))


def _operation(name: str, status: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": _Body.model_json_schema()}}}
    shown = {"operationId": name, "tags": [TOY.title], "parameters": [*parameters], "requestBody": body}
    return {**shown, "responses": {status: answer("The ring")}}


_PART: Final = OpenApiPart(
    {RINGS: {"post": _operation("toyRing", "201", TOWER)}, RING: {"patch": _operation("toyChangeRing", "200", TOWER, ID)}}, SCHEMAS
)


def _routes(service: IngestService) -> list[HttpRoute]:
    handlers = ToyWrites(service)
    return [
        HttpRoute("POST", RINGS, TOY, handlers.create, media=JSON_MEDIA),
        HttpRoute("PATCH", RING, TOY, handlers.update, media=JSON_MEDIA),
    ]


TOY_WRITES: Final = WriteApi(TOY, lambda parts: _routes(parts.service), _PART)
