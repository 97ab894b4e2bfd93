"""`DELETE /v1/events/{id}`: an event that was sent by mistake is taken back, and with it the problem that it opened."""

import json
from typing import Any

import pytest

from tests.access_server import AccessServer, Got, Sent, serving

JSON = {"content-type": "application/json"}


async def call(server: AccessServer, method: str, path: str, body: object = None, **headers: str) -> Got:
    content = b"" if body is None else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()} | (JSON if content else {})
    answer = await server.send(Sent(method, path, "", content, fields | {"content-length": str(len(content))}))
    await server.reach()
    return answer


async def post(server: AccessServer, **event: object) -> str:
    answer = await call(server, "POST", "/v1/events", {"kind": "deployment", "title": "Deploy", **event})
    assert answer.status == 201, answer.body
    identifier: str = json.loads(answer.body)["id"]
    return identifier


async def listing(server: AccessServer, name: str) -> list[Any]:
    items: list[Any] = json.loads((await call(server, "GET", f"/v1/{name}")).body)[name]
    return items


async def test_what_was_taken_back_is_gone_and_can_be_taken_back_once() -> None:
    async with serving(is_auth_required=False) as server:
        event, other = await post(server), await post(server, title="Stays")
        assert (await call(server, "DELETE", f"/v1/events/{event}")).status == 204
        assert (await call(server, "DELETE", f"/v1/events/{event}")).status == 404
        assert (await call(server, "GET", f"/v1/events/{event}")).status == 404
        assert [each["id"] for each in await listing(server, "events")] == [other]


@pytest.mark.parametrize("correlation", [{}, {"correlation_id": "checkout-slow"}])
async def test_a_problem_goes_with_the_event_that_opened_it_and_with_no_other(correlation: dict[str, str]) -> None:
    async with serving(is_auth_required=False) as server:
        opening = await post(server, kind="incident", status="open", service="checkout", idempotency_key="one", **correlation)
        refreshing = await post(server, kind="incident", status="open", service="checkout", **correlation)
        await post(server, kind="incident", status="open", service="search", correlation_id="search-slow")
        before = len(await listing(server, "problems"))
        assert (await call(server, "DELETE", f"/v1/events/{refreshing}")).status == 204
        assert len(await listing(server, "problems")) == (before if correlation else before - 1)
        assert (await call(server, "DELETE", f"/v1/events/{opening}")).status == 204
        assert [problem["service"] for problem in await listing(server, "problems")] == ["search"]
        assert server.set_aside == 0


async def test_only_events_of_this_api_and_tenant_are_taken_back() -> None:
    async with serving(is_auth_required=False) as server:
        event = await post(server)
        assert (await call(server, "DELETE", f"/v1/events/{event}", causeline_tenant="other")).status == 404
        lifecycle = {"team_id": "t", "event_name": "build", "event_action": "succeeded", "branch": "b", "commit": "c", "repo": "r"}
        assert (await call(server, "POST", "/events", lifecycle, causeline_tenant="cto")).status < 300
        (foreign,) = json.loads((await call(server, "GET", "/v1/events", causeline_tenant="cto")).body)["events"]
        assert (await call(server, "DELETE", f"/v1/events/{foreign['id']}", causeline_tenant="cto")).status == 404


async def test_several_are_taken_back_at_once_and_those_that_are_not_there_are_named() -> None:
    async with serving(is_auth_required=False) as server:
        events = [await post(server, kind="incident", status="open", correlation_id=f"c{number}") for number in range(3)]
        stays, gone = await post(server), "00000000-0000-7000-8000-000000000000"
        query = "&".join(f"id={event}" for event in (*events, gone, events[0].upper()))
        answer = await server.send(Sent("DELETE", "/v1/events", query, b"", {}))
        assert (answer.status, json.loads(answer.body)) == (200, {"deleted": 3, "missing": [gone]})
        await server.reach()
        assert [event["id"] for event in await listing(server, "events")] == [stays]
        assert await listing(server, "problems") == []
        for wrong in ("", "id=", f"id={stays}&service=checkout", "&".join(f"id={number}" for number in range(101))):
            assert (await server.send(Sent("DELETE", "/v1/events", wrong, b"", {}))).status == 400
        assert len(await listing(server, "events")) == 1


async def test_it_takes_the_scope_of_writing() -> None:
    async with serving() as server:
        reading, writing = await server.issue("read"), await server.issue("ingest")
        for token, status in ((reading, 403), (writing, 404)):
            answer = await call(server, "DELETE", "/v1/events/00000000-0000-7000-8000-000000000000", authorization=f"Bearer {token}")
            assert answer.status == status
