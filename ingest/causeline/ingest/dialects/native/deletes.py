"""`DELETE /v1/events/{id}` and `DELETE /v1/events?id=…&id=…` of the native API: events that came through it are taken back.

The problem that an event opened goes with it. Several are read in one question and are durable together; one that is not there is told.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from causeline.ingest.app import IngestService
from causeline.ingest.changes import delete_event
from causeline.ingest.dialects.native.writes import native_correlation_id
from causeline.ingest.idempotency import HEADER, idempotency_key
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Answer, FieldError, Invalid, NotFound, strangers
from causeline.schemas.web.http import HttpRequest, json_answer

MOST_DELETES: Final = 100
"""Events that one request takes back: they are one question to the store."""
_ID: Final = "id"


class _Deletion(NamedTuple):
    records: Sequence[IngestRecord]

    def key_field(self, _position: int) -> str:
        """Return what gave each record its key."""
        return HEADER


class NativeDeletes:
    """The handlers. They answer after what they took back is durably gone."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def one(self, request: HttpRequest) -> Answer:
        """Take an event back (204)."""
        current = await self._service.events.current(request.tenant, NATIVE.name, request.params[_ID], request.groups)
        if current is None:
            raise NotFound(f"there is no event {request.params[_ID][:100]} of this API")
        await self._delete([current], request)
        return Answer(204, {}, b"")

    async def several(self, request: HttpRequest) -> Answer:
        """Take several events back (200): how many, and which are not there."""
        ids = _ids(request)
        events = await self._service.events.current_several(request.tenant, NATIVE.name, ids, request.groups)
        if events:
            await self._delete(list(events.values()), request)
        return json_answer(200, {"deleted": len(events), "missing": [event_id for event_id in ids if event_id not in events]})

    async def _delete(self, events: Sequence[Event], request: HttpRequest) -> None:
        key, now = idempotency_key(request.headers), request.received_at
        records = [self._record(event, key, now) for event in events]
        await self._service.once(NATIVE.name, now, lambda _: _Deletion(records))

    def _record(self, event: Event, key: str, now: int) -> IngestRecord:
        client_id = msgspec.json.decode(event.raw).get("correlation_id")
        correlation_id = native_correlation_id(event.tenant, client_id, event.id)
        return delete_event(event, key=key, now=now, record_id=self._service.new_id(now), correlation_id=correlation_id).record


def _ids(request: HttpRequest) -> list[str]:
    """Return the ids of a query string, each once, as they are stored. Raises Invalid: none, too many, or other parameters."""
    pairs = request.query()
    if errors := strangers((name for name, _ in pairs), (_ID,), "is not a parameter of this call"):
        raise Invalid.naming(errors, where="QUERY")
    ids = list(dict.fromkeys(value.strip().lower() for _, value in pairs if value.strip()))
    if not 1 <= len(ids) <= MOST_DELETES:
        raise Invalid.naming([FieldError(_ID, f"names 1 to {MOST_DELETES} events")], where="QUERY")
    return ids
