"""The tools as a model's client program reaches them: with the official client, over HTTP and over standard input and output."""

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.stack import Stack

TOOLS = {"list_events", "create_event", "search_events", "get_problem", "list_problems", "what_changed", "find_causes", "dora"}


@asynccontextmanager
async def over_http(stack: Stack, tenant: str) -> AsyncIterator[ClientSession]:
    async with (
        httpx.AsyncClient(headers={"Causeline-Tenant": tenant}, timeout=30) as http,
        streamable_http_client(f"{stack.url}/mcp", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        yield session


@asynccontextmanager
async def over_stdio(stack: Stack, tenant: str) -> AsyncIterator[ClientSession]:
    command = StdioServerParameters(
        command=str(Path(sys.executable).with_name("causeline")), args=["mcp", "--url", stack.url, "--tenant", tenant]
    )
    async with stdio_client(command) as (read, write), ClientSession(read, write) as session:
        yield session


WAYS = pytest.mark.parametrize("connect", [over_http, over_stdio])


def account() -> str:
    return f"acc_{uuid.uuid4().hex}"


async def called(session: ClientSession, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await session.call_tool(tool, arguments)
    assert not answer.isError, answer.content
    assert answer.structuredContent is not None
    return answer.structuredContent


async def refused(session: ClientSession, tool: str, **arguments: Any) -> str:
    answer = await session.call_tool(tool, arguments)
    assert answer.isError
    (content,) = answer.content
    assert content.type == "text"
    return content.text


async def listed(session: ClientSession, tool: str, name: str, count: int, **arguments: Any) -> dict[str, Any]:
    """Ask until the rows show what was acknowledged."""
    while True:
        page = await called(session, tool, **arguments)
        if len(page[name]) >= count:
            return page


@WAYS
async def test_a_client_is_told_the_tools_and_how_to_use_them(stack: Stack, connect: Any) -> None:
    async with connect(stack, account()) as session:
        answer = await session.initialize()
        assert answer.serverInfo.name == "causeline"
        assert "what_changed" in (answer.instructions or "")
        tools = (await session.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    assert {tool.name for tool in tools if tool.annotations is not None and not tool.annotations.readOnlyHint} == {"create_event"}
    assert all(tool.description and tool.inputSchema["properties"] for tool in tools)


@WAYS
@pytest.mark.timeout(60)
async def test_a_marker_that_a_model_creates_is_listed_by_type_time_and_bucket(stack: Stack, connect: Any) -> None:
    tenant = account()
    async with connect(stack, tenant) as session:
        await session.initialize()
        marker = await called(
            session,
            "create_event",
            type="deployment",
            name="v2.3.1 production release",
            source="assistant",
            metadata={"commitSha": "a1b2c3d4e5f6"},
            bucketSids=["bkt_1"],
            startedAt="2026-01-15T14:30:00Z",
        )
        assert marker["sid"].startswith("evt_")
        assert marker["metadata"] == {"commitSha": "a1b2c3d4e5f6"}
        async with httpx.AsyncClient(timeout=30) as http:
            assert (await http.get(marker["url"], headers={"Causeline-Tenant": tenant})).json()["title"] == marker["name"]
        hours = {"startTime": "2026-01-15T14:00:00Z", "endTime": "2026-01-15T15:00:00Z"}
        page = await listed(session, "list_events", "events", 1, type="deployment", bucketSid="bkt_1", **hours)
        assert [event["sid"] for event in page["events"]] == [marker["sid"]]
        for other in ({"type": "scale"}, {"bucketSid": "bkt_2"}, {"startTime": "2026-01-15T14:30:01Z"}):
            assert (await called(session, "list_events", **other))["events"] == []
        page = await called(session, "search_events", q="production v2.3.1")
        assert [event["title"] for event in page["events"]] == ["v2.3.1 production release"]


@WAYS
@pytest.mark.timeout(60)
async def test_a_model_finds_the_change_behind_a_problem(stack: Stack, connect: Any) -> None:
    tenant = account()
    async with httpx.AsyncClient(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=30) as http:
        for event in (
            {"kind": "deployment", "title": "Deploy checkout 1.4", "service": "checkout", "ts": "2026-01-15T14:20:00Z"},
            {"kind": "config_change", "title": "Feature flag", "service": "search", "ts": "2026-01-15T14:29:00Z"},
            {"kind": "incident", "status": "open", "title": "5xx", "service": "checkout", "ts": "2026-01-15T14:30:00Z"},
        ):
            (await http.post("/v1/events", json=event)).raise_for_status()
    async with connect(stack, tenant) as session:
        await session.initialize()
        await listed(session, "search_events", "events", 3)
        (problem,) = (await listed(session, "list_problems", "problems", 1, state="open"))["problems"]
        history = await called(session, "get_problem", id=problem["id"])
        assert [one["transition"] for one in history["transitions"]] == ["opened"]
        answer = await called(session, "what_changed", problem_id=problem["id"], before="1h")
        assert [(cause["title"], cause["relation"], cause["offset_seconds"]) for cause in answer["causes"]] == [
            ("Deploy checkout 1.4", "same_service", -600.0),
            ("Feature flag", "other", -60.0),
        ]
        assert answer["verdict"] in ("likely", "possible")
        assert all(len(cause["because"]) <= 2 for cause in answer["causes"])
        assert answer["problem"]["url"] == f"{stack.url}/v1/problems/{problem['id']}"
        ranking = await called(session, "find_causes", problem_id=problem["id"], limit=5)
        assert [cause["title"] for cause in ranking["causes"]] == ["Deploy checkout 1.4", "Feature flag"]
        assert ranking["causes"][0]["because"]
        around = await called(session, "what_changed", at="2026-01-15T14:30:00Z", service="search")
        assert [change["title"] for change in around["changes"]] == ["Feature flag", "Deploy checkout 1.4"]


@WAYS
async def test_a_wrong_call_is_told_what_is_wrong(stack: Stack, connect: Any) -> None:
    async with connect(stack, account()) as session:
        await session.initialize()
        assert "name" in await refused(session, "create_event", type="deployment")
        assert "startedAt" in await refused(session, "create_event", type="deployment", name="x", startedAt="yesterday")
        assert "limit: must be from 1 to 50" in await refused(session, "search_events", limit=51)
        assert "not_found" in await refused(session, "get_problem", id=str(uuid.uuid4()))
        assert "service" in await refused(session, "what_changed", problem_id=str(uuid.uuid4()), service="x")
        assert "after" in await refused(session, "what_changed", problem_id=str(uuid.uuid4()), after="15m")
        assert "from" in await refused(session, "list_problems", **{"from": "soon"})
        assert "no tool" in await refused(session, "drop_tables")


async def test_tenants_see_only_their_own_events(stack: Stack) -> None:
    mine = account()
    async with over_http(stack, mine) as session:
        await session.initialize()
        await called(session, "create_event", type="custom", name="mine")
        await listed(session, "search_events", "events", 1)
    async with over_http(stack, account()) as session:
        await session.initialize()
        assert (await called(session, "search_events"))["events"] == []


@pytest.mark.parametrize(("headers", "status"), [({"Host": "evil.example:8080"}, 403), ({"Origin": "http://evil.example"}, 403)])
def test_a_page_that_rebinds_its_name_to_this_machine_is_refused(stack: Stack, headers: dict[str, str], status: int) -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert httpx.post(f"{stack.url}/mcp", json=ping, headers=accept).json()["result"] == {}
    assert httpx.post(f"{stack.url}/mcp", json=ping, headers=accept | headers).status_code == status


def test_there_is_no_stream_to_open_and_no_session_to_end(stack: Stack) -> None:
    for method in ("GET", "DELETE"):
        answer = httpx.request(method, f"{stack.url}/mcp")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "OPTIONS, POST"
