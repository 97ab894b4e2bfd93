"""`POST /v1/events` of the native API: one event, an array of them, or one a line."""

from collections import Counter
from typing import Final

from causeline.ingest.app import IngestService
from causeline.ingest.dialects import native
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas import telemetry
from causeline.schemas.dialects.native import view
from causeline.schemas.errors import Answer
from causeline.schemas.http import HttpRequest, HttpRoute, json_answer
from causeline.schemas.records import IngestRecord

PATH: Final = "/v1/events"
MEDIA: Final = ("application/json", native.NDJSON)
MAX_REQUEST: Final = 16 << 20
"""Bytes of a request after inflation; each event in it is bounded by itself."""


class NativeWrites:
    """The handler. It answers after everything it accepted is durable; refused items are counted by reason."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store one event (201 with the event) or several (200 with a result for each, in the order sent)."""
        key = idempotency_key(request.headers)
        arrival = native.Arrival(request.tenant, request.received_at, self._service.new_id)
        items = native.split(request.body, request.content_type)
        if isinstance(items, native.One):
            return await self._one(native.one(items, arrival, key))
        return await self._several(native.several(items, arrival, key))

    async def _one(self, stored: native.Stored) -> Answer:
        await self._service.append("native", [stored.record])
        return json_answer(201, view(stored.event), {"Location": f"{PATH}/{stored.event.id}"})

    async def _several(self, outcomes: list[native.Outcome]) -> Answer:
        await self._service.append("native", [outcome for outcome in outcomes if isinstance(outcome, IngestRecord)])
        reasons = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, native.Rejected))
        for reason, count in reasons.items():
            telemetry.EVENTS_REJECTED.labels("native", reason).inc(count)
        return json_answer(200, native.results(outcomes))


def routes(service: IngestService) -> list[HttpRoute]:
    """Return the native API's writing route."""
    handler = NativeWrites(service)
    return [HttpRoute("POST", PATH, "native", "native", handler.create, media=MEDIA, max_body=MAX_REQUEST)]
