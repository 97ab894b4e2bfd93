"""An event that its caller may not see is in no answer: every GET of the table, over events that came through every API."""

import json
from typing import Any

import msgspec
import pytest

from causeline.query_api.questions.query import EventFilter, Page
from causeline.schemas.dialects.apitraffic import sids
from causeline.schemas.dialects.desk import vocabulary as desk
from causeline.schemas.records.event import Event
from causeline.schemas.web.http import HttpRoute
from tests.access_server import EXAMPLE_ID, FOREIGN, TENANT, AccessServer, Sent, request_to, serving, shown

MARK = "Zauberwort"
GROUPS = ["sre"]
CREATES: dict[str, tuple[str, Any]] = {
    "native": ("/v1/events", {"kind": "deployment", "title": MARK}),
    "tracker": ("/api/v1alpha1/event", {"title": MARK, "attributes": {"message": MARK, "type": 1, "service": "shop", "source": "ci"}}),
    "desk": (
        "/api/v1/events",
        {
            "eventType": "CUSTOM_INFO",
            "source": MARK,
            "title": MARK,
            "description": MARK,
            "attachRules": {"entityIds": ["HOST-0000000000000001"]},
        },
    ),
    "cto_ai": ("/events", {"team_id": "t", "event_name": MARK, "event_action": "succeeded", "repo": MARK, "branch": "b", "commit": "c"}),
    "escapekit": ("/internal/create-event", {"type": MARK, "timestamp": "1"}),
    "apitraffic": (
        f"/v1/accounts/{TENANT}/events",
        {"name": MARK, "type": "deployment", "bucketSids": ["*"], "environmentSids": ["*"]},
    ),
}
READS = [route for route in AccessServer().apis.routes if route.method == "GET" and route.needs != "public"]


async def stored(server: AccessServer, tenant: str) -> list[Event]:
    """Send one event through every API, restrict all of them, and return them."""
    writer = await server.issue("ingest", tenant=tenant)
    for dialect, (path, body) in CREATES.items():
        route = next(one for one in server.apis.routes if one.api.label == dialect and one.method == "POST")
        request = Sent("POST", path.replace(TENANT, tenant), "", json.dumps(body).encode(), shown(route, writer))
        reply = await server.send(request)
        assert reply.status in {200, 201}, (dialect, reply.body)
    await server.reach()
    stored_events = await server.store.events(EventFilter(tenant=tenant), Page(limit=100))
    assert {event.dialect for event in stored_events} == set(CREATES)
    restricted = [msgspec.structs.replace(event, version=event.version + 1, allowed_groups=GROUPS) for event in stored_events]
    for event in restricted:
        server.store.put_event(event)
    return restricted


def named(event: Event) -> str:
    """Return an event's id as its API's clients name it."""
    if event.dialect == "apitraffic":
        return sids.sid_of(event.id)
    return desk.stored_id(event.id, event.ts) if event.dialect == "desk" else event.id


def asked(route: HttpRoute, token: str, events: list[Event]) -> list[Sent]:
    """Return the requests to a route: with a window that holds everything, and for a route to one event one for each."""
    base = request_to(route, **shown(route, token))
    window = "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&step=3650d"
    queries = ("", base.query, "from=0", "before=7d&after=7d", f"{window}", "from=now-1h")
    lists = [base._replace(query=query) for query in queries]
    variable = next((name for name in ("{id}", "{eventSid}", "{eventId}") if name in route.path), "")
    if not variable:
        return lists
    return [base._replace(path=base.path.replace(EXAMPLE_ID, name)) for event in events for name in (named(event), event.id)]


async def answers(server: AccessServer, route: HttpRoute, token: str, events: list[Event]) -> str:
    return " ".join([(await server.send(request)).body.decode() for request in asked(route, token, events)])


@pytest.mark.parametrize("route", READS, ids=lambda route: f"{route.path} {route.api.label}")
async def test_a_hidden_or_foreign_event_is_in_no_answer(route: HttpRoute) -> None:
    async with serving() as server:
        events = await stored(server, TENANT)
        for tenant, groups in ((TENANT, ()), (TENANT, ("dev",)), (FOREIGN, ("sre",))):
            token = await server.issue("read", tenant=tenant, groups=groups)
            assert MARK not in await answers(server, route, token, events)


async def test_who_shares_the_group_finds_the_events_of_every_api() -> None:
    async with serving() as server:
        events = await stored(server, TENANT)
        for caller in (await server.issue("read", groups=("sre",)), await server.issue("admin")):
            labels = {route.api.label for route in READS if MARK in await answers(server, route, caller, events)}
            assert labels == {*CREATES, "pages"}
