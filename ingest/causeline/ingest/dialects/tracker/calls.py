"""Tracker's writing calls, whatever the transport: a body in, the event as it will be out, after its record is durable.

The body is an argument of its own, since over gRPC it is made from a message; `call` says whose it is, when it came, and under which key.
"""

from typing import Any, Final

from causeline.ingest.app import Firsts, IngestService, arrival_of
from causeline.ingest.changes import Change, delete_event
from causeline.ingest.dialects.tracker import writes
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.changelog import StoredEntry
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import NotFound
from causeline.schemas.web.http import HttpRequest


class TrackerWriter:
    """Creates, changes and deletes events. `profile` says whose numbers the bodies carry. Raises RequestErrors."""

    def __init__(self, service: IngestService, profile: Profile) -> None:
        self._service: Final = service
        self._profile: Final = profile

    async def create(self, body: bytes, call: HttpRequest) -> Event:
        """Store a new event."""
        key, new_id = idempotency_key(call.headers), self._service.new_id

        def make(firsts: Firsts) -> Change:
            now = arrival_of(firsts, call.received_at)
            return writes.create(body, tenant=call.tenant, key=key, now=now, new_id=new_id, profile=self._profile)

        return (await self._service.once(TRACKER.name, call.received_at, make)).event

    async def update(self, body: bytes, call: HttpRequest) -> Event:
        """Change what the body names, keep the rest."""
        key = idempotency_key(call.headers)
        update_body = writes.update_of(body, self._profile)
        return await self._change(update_body.patch, await self._current(call, update_body.id, update_body.slack_id), key, call)

    async def name_slack(self, path_id: str, body: bytes, call: HttpRequest) -> Event:
        """Give an event its Slack id."""
        key = idempotency_key(call.headers)
        patch = writes.slack(body)
        return await self._change(patch, await self._current(call, path_id, path_id), key, call)

    async def add_entry(self, path_id: str, body: bytes, call: HttpRequest) -> Event:
        """Add an entry to the changelog of an event."""
        key = idempotency_key(call.headers)
        entry = writes.changelog_entry(body, call.received_at)
        return await self._change({}, await self._current(call, path_id, path_id), key, call, entry)

    async def delete(self, event_id: str, slack_id: str, call: HttpRequest) -> Event:
        """Delete an event, by its id or else its Slack id; return it as it was."""
        key, now = idempotency_key(call.headers), call.received_at
        current = await self._current(call, event_id, slack_id)
        change = delete_event(current, key=key, now=now, record_id=self._service.new_id(now))
        await self._service.once(TRACKER.name, now, lambda _: change)
        return current

    async def _current(self, call: HttpRequest, event_id: str, slack_id: str) -> Event:
        own_id, slack = tracker.parse_event_id(event_id), tracker.slack_id(slack_id)
        events = self._service.events
        event = None
        if own_id:
            event = await events.current(call.tenant, TRACKER.name, own_id, call.groups)
        elif slack and event_id in ("", slack_id):
            event = await events.tagged(call.tenant, TRACKER.name, tracker.SLACK_TAG, slack, call.groups)
        if event is None:
            raise NotFound(f"there is no event {(event_id or slack_id)[:100]}")
        return event

    async def _change(self, patch: dict[str, Any], current: Event, key: str, call: HttpRequest, entry: StoredEntry | None = None) -> Event:
        now = call.received_at
        change = writes.update(patch, current, key=key, now=now, record_id=self._service.new_id(now), entry=entry)
        await self._service.once(TRACKER.name, now, lambda _: change)
        return change.event
