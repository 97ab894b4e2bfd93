"""The MCP server over the in-memory twins, message by message, as a client's POST reaches it."""

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from mcp import types
from mcp.server.transport_security import TransportSecuritySettings

from causeline.deploy.server.mcp.server import MAX_MESSAGE, McpServer, browser_security
from causeline.deploy.server.mcp.tools import TOOLS
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.apitraffic import http as writes
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.apitraffic import http
from causeline.query_api.dialects.native import http as http_native
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Forbidden
from causeline.schemas.web.http import HttpRequest, Scope

NOW = 1_795_242_600_000
BASE = "https://causeline.example"
HEADERS = {"accept": "application/json, text/event-stream", "host": "localhost:8080"}

LOOPBACK = browser_security("127.0.0.1", BASE)


class Client:
    """Sends messages as a caller with these scopes in the tenant `shop`, which is no ApiTraffic account."""

    def __init__(self, security: TransportSecuritySettings = LOOPBACK) -> None:
        self.log = MemoryEventLog()
        self.store = MemoryEventStore()
        self.scopes = {"read", "ingest"}
        reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: 0.0))
        service = IngestService(self.log, MemoryCurrentEvents(), MemoryOpenProblems(), secrets.token_bytes)
        routes = [*writes.routes(service), *http.routes(reader), *http_native.routes(reader)]
        self.server = McpServer(routes, BASE, self._demand, security)

    def _demand(self, _: HttpRequest, scope: Scope) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"the token lacks the scope {scope}")

    async def post(self, body: bytes, groups: tuple[str, ...] | None = None, **headers: str) -> tuple[int, Any]:
        request = HttpRequest("POST", "/mcp", {}, "", HEADERS | headers, body, "shop", NOW, "application/json", groups)
        answer = await self.server.handle(request)
        return answer.status, msgspec.json.decode(answer.body) if answer.body else None

    async def call(self, tool: str, groups: tuple[str, ...] | None = None, **arguments: Any) -> types.CallToolResult:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        status, body = await self.post(msgspec.json.encode(message), groups)
        assert status == 200
        return types.CallToolResult.model_validate(body["result"])


@asynccontextmanager
async def serving(security: TransportSecuritySettings = LOOPBACK) -> AsyncIterator[Client]:
    """Not a fixture: the SDK's task group begins and ends in one task."""
    client = Client(security)
    async with client.server.running():
        yield client


def said(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert content.type == "text"
    return content.text


async def test_a_marker_is_stored_in_the_tenant_of_the_caller_also_where_that_is_no_account() -> None:
    async with serving() as client:
        answer = await client.call("create_event", type="deployment", name="v2")
        assert not answer.isError, said(answer)
        (record,) = client.log.records()
        assert (record.tenant, record.op) == ("shop", "create")
        assert answer.structuredContent is not None
        assert answer.structuredContent["url"] == f"{BASE}/v1/events/{record.id}"
        assert answer.structuredContent["sid"] in said(answer)


async def test_a_caller_that_may_only_read_cannot_create() -> None:
    async with serving() as client:
        client.scopes = {"read"}
        refused = await client.call("create_event", type="deployment", name="v2")
        assert refused.isError
        assert said(refused) == "forbidden: the token lacks the scope ingest"
        assert client.log.records() == []


async def test_events_of_other_groups_and_tenants_are_not_shown() -> None:
    async with serving() as client:
        for number, (tenant, groups) in enumerate([("shop", []), ("shop", ["sre"]), ("shop", ["hr"]), ("other", [])]):
            client.store.put_event(
                Event(
                    tenant=tenant,
                    id=f"0199-{number}",
                    dialect="native",
                    kind="deployment",
                    ts=NOW - 1,
                    ingest_ts=NOW,
                    updated_ts=NOW,
                    allowed_groups=groups,
                )
            )
        for tool, rows in (("search_events", "events"), ("what_changed", "changes")):
            answer = (await client.call(tool, groups=("sre",))).structuredContent
            assert answer is not None
            assert {row["id"] for row in answer[rows]} == {"0199-0", "0199-1"}


async def test_a_lone_surrogate_in_an_argument_is_refused() -> None:
    async with serving() as client:
        body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_events","arguments":{"q":"\\ud800"}}}'
        status, answer = await client.post(body)
        assert (status, answer["error"]["code"]) == (400, types.PARSE_ERROR)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"jsonrpc": NaN}', b"\xff"])
async def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    async with serving() as client:
        status, answer = await client.post(body)
        assert (status, answer["error"]["code"]) == (400, types.PARSE_ERROR)


async def test_a_notification_is_accepted_without_an_answer() -> None:
    async with serving() as client:
        assert await client.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}') == (202, None)


@pytest.mark.parametrize(("host", "status"), [("localhost:1", 200), ("[::1]:8080", 200), ("causeline.example", 200), ("evil.example", 421)])
async def test_a_server_on_loopback_answers_to_its_own_names_only(host: str, status: int) -> None:
    async with serving() as client:
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        message = HttpRequest("POST", "/mcp", {}, "", HEADERS | {"host": host}, ping, "shop", NOW, "application/json")
        assert (await client.server.handle(message)).status == status


OPEN = [browser_security("127.0.0.1", BASE, "*"), browser_security("127.0.0.1", BASE, is_guarded=True)]


@pytest.mark.parametrize("security", OPEN, ids=["any name is allowed", "every route is guarded"])
@pytest.mark.parametrize("host", ["proxy.example", "127.0.0.2:8080", "abc123.live.dexp.ae"])
async def test_a_name_that_every_other_route_answers_to_is_answered_here(host: str, security: TransportSecuritySettings) -> None:
    async with serving(security) as client:
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        message = HttpRequest("POST", "/mcp", {}, "", HEADERS | {"host": host}, ping, "shop", NOW, "application/json")
        assert (await client.server.handle(message)).status == 200


@pytest.mark.parametrize("accept", [None, "*/*", "application/*", "application/json", "application/json, text/event-stream", "text/html"])
async def test_whatever_a_client_accepts_is_answered_with_json(accept: str | None) -> None:
    async with serving() as client:
        headers = {"host": "localhost:8080"} | ({} if accept is None else {"accept": accept})
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        answer = await client.server.handle(HttpRequest("POST", "/mcp", {}, "", headers, ping, "shop", NOW, "application/json"))
        assert (answer.status, msgspec.json.decode(answer.body)["result"]) == (200, {})


@pytest.mark.parametrize("message", [b"1", b"[]", b'{"jsonrpc":"1.0"}', b'{"jsonrpc":"2.0","id":1,"method":' + b"[1]" * 1 + b"}"])
async def test_what_is_no_message_is_refused_in_a_few_words(message: bytes) -> None:
    async with serving() as client:
        padded = message[:-1] + b',"secret":"' + b"x" * 5_000 + b'"}' if message.startswith(b"{") else message
        status, body = await client.post(padded)
        assert status == 400
        assert len(body["error"]["message"]) <= MAX_MESSAGE
        assert "xxx" not in body["error"]["message"]


@pytest.mark.parametrize("form", ["wh", ["wh"], ["wh", "other"]])
async def test_a_filter_is_a_text_or_a_list_of_texts(form: Any) -> None:
    async with serving() as client:
        event = Event(tenant="shop", id="0199-1", dialect="native", kind="k", ts=NOW - 1, ingest_ts=NOW, updated_ts=NOW, service="wh")
        client.store.put_event(event)
        answer = await client.call("search_events", service=form)
        assert answer.structuredContent is not None, said(answer)
        assert [row["id"] for row in answer.structuredContent["events"]] == ["0199-1"]


@pytest.mark.parametrize("form", ["bkt_1", ["bkt_1"]])
async def test_a_marker_has_a_bucket_or_a_list_of_them(form: Any) -> None:
    async with serving() as client:
        answer = await client.call("create_event", type="deployment", name="v2", bucketSids=form)
        assert answer.structuredContent is not None, said(answer)
        assert answer.structuredContent["bucketSids"] == ["bkt_1"]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("search_events", {"service": 1}, "service: must be a text or a list of texts"),
        ("search_events", {"service": [1]}, "service: [0] must be a text"),
        ("search_events", {"service": [1] * 21}, "service: takes 1 to 20 values"),
        ("search_events", {"service": []}, "service: takes 1 to 20 values"),
        ("search_events", {"dialect": "x"}, "dialect: must be one of "),
        ("search_events", {"limit": 51}, "limit: must be from 1 to 50"),
        ("search_events", {"limit": True}, "limit: must be a whole number"),
        ("search_events", {"limit": "many"}, "limit: must be a whole number"),
        ("search_events", {"q": "x" * 4_097}, "q: is longer than 4,096 characters"),
        ("search_events", {"servcie": "x"}, "servcie: is not an argument of this tool"),
        ("search_events", {"tag": "x"}, "tag: 'x' is not a tag"),
        ("what_changed", {"service": ["a", "b"]}, "service: takes one value"),
        ("create_event", {"type": "deploy", "name": "v2"}, "type: must be one of deployment, "),
        ("create_event", {"type": "deployment"}, "name: is required"),
        ("create_event", {"type": "deployment", "name": "v2", "metadata": []}, "metadata: must be an object"),
        ("get_problem", {"id": ""}, "id: must not be empty"),
    ],
    ids=str,
)
async def test_a_wrong_argument_is_named_and_not_repeated(tool: str, arguments: dict[str, Any], words: str) -> None:
    async with serving() as client:
        refused = await client.call(tool, **arguments)
        assert refused.isError
        assert words in said(refused)
        assert len(said(refused)) <= MAX_MESSAGE


async def test_a_thousand_unknown_arguments_are_told_in_a_few_words() -> None:
    async with serving() as client:
        refused = await client.call("search_events", None, **{f"unknown-{i}": i for i in range(1_000)})
        assert said(refused).count("unknown-") == 5


async def test_who_lacks_the_scope_is_told_that_before_the_arguments_are_looked_at() -> None:
    async with serving() as client:
        client.scopes = set()
        for tool, arguments in (("search_events", {"service": [1] * 1_000}), ("create_event", {})):
            assert said(await client.call(tool, None, **arguments)).startswith("forbidden: the token lacks the scope")


def test_a_name_has_one_form_in_all_tools() -> None:
    forms: dict[str, set[str]] = defaultdict(set)
    for tool in TOOLS:
        for name, schema in tool.schema["properties"].items():
            kinds = [one["type"] for one in schema.get("anyOf", ())] or schema["type"]
            forms[name].add(str(kinds))
    assert {name: form for name, form in forms.items() if len(form) > 1} == {}
    assert {name for name, form in forms.items() if form == {"['string', 'array']"}} >= {"service", "environment", "kind", "entity", "tag"}


def test_every_tool_has_a_strict_schema_and_names_routes_that_are_there() -> None:
    for tool in TOOLS:
        assert tool.schema["additionalProperties"] is False
        assert set(tool.schema["required"]) <= set(tool.schema["properties"])
        assert all("description" in schema for schema in tool.schema["properties"].values()), tool.name
