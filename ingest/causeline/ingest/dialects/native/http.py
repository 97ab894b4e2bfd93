"""`POST /v1/events` of the native API: one event, an array of them, or one a line; and the routes that take events back."""

from collections import Counter
from typing import Final

from causeline.ingest.app import USED, Firsts, IngestService, arrival_of
from causeline.ingest.bodies.items import NDJSON, One, split
from causeline.ingest.dialects.native import writes as native
from causeline.ingest.dialects.native.deletes import NativeDeletes
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas import telemetry
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Answer, Conflict, FieldError
from causeline.schemas.web.http import HttpRequest, HttpRoute, json_answer, without_query

EVENTS_PATH: Final = "/v1/events"
_EVENT_PATH: Final = f"{EVENTS_PATH}/{{id}}"
EVENTS_MEDIA: Final = ("application/json", NDJSON)
MAX_REQUEST: Final = 16 << 20
"""Bytes of a request after inflation; each event in it is bounded by itself."""


class NativeWrites:
    """The handler. It answers after everything it accepted is durable; refused items are counted by reason."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store one event (201 with the event) or several (200 with a result for each, in the order sent)."""
        key = idempotency_key(request.headers)
        arrival = native.ItemArrival(request.tenant, request.received_at, self._service.new_id)
        items = split(request.body, request.content_type)
        if isinstance(items, One):
            return await self._one(items, arrival, key)
        return await self._several(native.record_several(items, arrival, key), arrival.now)

    async def _one(self, item: One, arrival: native.ItemArrival, key: str) -> Answer:
        def make(firsts: Firsts) -> native.NativeWrite:
            first = arrival._replace(now=arrival_of(firsts, arrival.now)) if firsts else arrival
            return native.record_one(item, first, key)

        write = await self._service.once(NATIVE.name, arrival.now, make)
        return json_answer(201, write.document, {"Location": f"{EVENTS_PATH}/{write.record.id}"})

    async def _several(self, outcomes: list[native.ItemOutcome], now: int) -> Answer:
        records = [outcome for outcome in outcomes if isinstance(outcome, IngestRecord)]
        if conflicts := await self._service.each_once(NATIVE.name, now, records):
            places = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, IngestRecord)]
            for position in conflicts:
                outcomes[places[position]] = native.Rejected(Conflict.reason, (FieldError(native.KEY_FIELD, USED),))
        reasons = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, native.Rejected))
        for reason, count in reasons.items():
            telemetry.EVENTS_REJECTED.labels(NATIVE.name, reason).inc(count)
        return json_answer(200, native.results(outcomes))


def routes(service: IngestService) -> list[HttpRoute]:
    """Return the native API's writing routes of events."""
    writes, deletes = NativeWrites(service), NativeDeletes(service)
    return [
        HttpRoute("POST", EVENTS_PATH, NATIVE, without_query(writes.create), media=EVENTS_MEDIA, max_body=MAX_REQUEST),
        HttpRoute("DELETE", EVENTS_PATH, NATIVE, deletes.several),
        HttpRoute("DELETE", _EVENT_PATH, NATIVE, without_query(deletes.one)),
    ]
