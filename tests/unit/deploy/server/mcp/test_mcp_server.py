"""The MCP server over the in-memory twins, message by message, as a client's POST reaches it."""

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

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
from causeline.query_api.dialects.native import causes_http, dora_http
from causeline.query_api.dialects.native import http as http_native
from causeline.query_api.dora.columns.history_columns import HistoryColumns
from causeline.query_api.dora.history import DoraHistory
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.dora_parts import DoraParts
from causeline.query_api.reading.dora_question import DoraQuestion
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.errors import Forbidden
from causeline.schemas.web.http import HttpRequest, Scope
from tests.unit.query_api.dora.dora_samples import golden, golden_columns

NOW = 1_795_242_600_000
BASE = "https://causeline.example"
HEADERS = {"accept": "application/json, text/event-stream", "host": "localhost:8080"}

_Shown = TypeVar("_Shown")
LOOPBACK = browser_security("127.0.0.1", BASE)


async def _without_services(_: str) -> Topology:
    return Topology()


class Fortnight:
    """The golden one, whoever asks."""

    async def dora(self, question: DoraQuestion, show: Callable[[DoraHistory], _Shown]) -> _Shown:
        return show(golden(question.definition).narrow(question.scope))

    async def sums(self, question: DoraQuestion, show: Callable[[HistoryColumns], _Shown]) -> _Shown:
        return show(golden_columns(question.definition).narrow(question.scope))


class Client:
    """Sends messages as a caller with these scopes in the tenant `shop`, which is no ApiTraffic account."""

    def __init__(self, security: TransportSecuritySettings = LOOPBACK) -> None:
        self.log = MemoryEventLog()
        self.store = MemoryEventStore()
        self.scopes = {"read", "ingest"}
        reader = Reader(self.store, MemoryFrontier(self.store), RecentWrites(lambda: 0.0))
        service = IngestService(self.log, MemoryCurrentEvents(), MemoryOpenProblems(), secrets.token_bytes)
        routes = [
            *writes.routes(service),
            *http.routes(reader),
            *http_native.routes(reader),
            *causes_http.routes(reader, CauseReader(reader, _without_services)),
            *dora_http.routes(DoraParts(Fortnight())),
        ]
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


def fleet(client: Client) -> None:
    """Store a problem and twelve changes before it, one of which is restricted."""
    start = NOW - 600_000
    problem = Problem(
        tenant="shop",
        id="0199-p",
        version=1,
        dialect="desk",
        kind="incident",
        correlation_id="c",
        event_id="0199-e",
        state="open",
        transition="opened",
        at=start,
        start=start,
        last_receipt=start,
        ingest_ts=start,
        title="Slow",
        text="x" * 5_000,
        service="wh",
    )
    client.store.put_problem(problem)
    for number in range(12):
        ts = start - 300_000 - number * 60_000
        client.store.put_event(
            Event(
                tenant="shop",
                id=f"0199-{number}",
                dialect="native",
                kind="deployment",
                title=f"Deploy {number}",
                text="y" * 5_000,
                service="wh" if number == 0 else "other",
                ts=ts,
                ingest_ts=ts,
                updated_ts=ts,
                allowed_groups=["hr"] if number == 1 else [],
            )
        )


async def asked(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call(tool, groups=("sre",), **arguments)
    assert not answer.isError, said(answer)
    return answer.structuredContent


async def test_what_changed_around_a_problem_is_answered_in_short_and_says_where_more_is() -> None:
    async with serving() as client:
        fleet(client)
        short = await asked(client, "what_changed", problem_id="0199-p", limit=50)
        whole = await asked(client, "find_causes", problem_id="0199-p")
        assert [len(short["causes"]), len(whole["causes"])] == [3, 10]
        assert {"verdict", "none_probability", "candidates", "problem", "blind_spots", "more"} <= set(short)
        first = short["causes"][0]
        assert first["id"] == "0199-0"
        assert set(first) <= {"id", "kind", "title", "service", "probability", "relation", "offset_seconds", "feedback", "because"}
        assert first["because"] == whole["causes"][0]["because"][:2]
        assert [one["id"] for one in short["causes"]] == [one["id"] for one in whole["causes"][:3]]
        assert short["candidates"] == 11
        assert "0199-1" not in str(short)
        assert "find_causes" in short["more"]
        assert len(msgspec.json.encode(short)) < 2_500
        assert len((await asked(client, "what_changed", problem_id="0199-p", limit=1))["causes"]) == 1
        assert (await asked(client, "what_changed", problem_id="0199-p", before="1m"))["candidates"] == 0
        assert len((await asked(client, "find_causes", problem_id="0199-p", limit=50))["causes"]) == 11


async def test_what_a_ranking_cannot_be_asked_beside_a_problem_is_named() -> None:
    async with serving() as client:
        fleet(client)
        for name, value in (("after", "15m"), ("service", "wh"), ("at", "now")):
            arguments: dict[str, Any] = {"problem_id": "0199-p", name: value}
            assert name in said(await client.call("what_changed", **arguments))


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


async def test_metrics_are_told_with_what_they_counted_by_which_definition_and_where_to_look() -> None:
    async with serving() as client:
        fortnight: Any = {"from": "2024-01-01", "to": "2024-01-15"}
        result = await client.call("dora", service="checkout", team=[], **fortnight)
        assert said(result) == "invalid: team: takes 1 to 20 values"
        result = await client.call("dora", service="checkout", **fortnight)
        assert not result.isError, said(result)
        view = result.structuredContent
        assert view is not None
        rate = next(metric for metric in view["metrics"] if metric["metric"] == "change_fail_rate")
        assert (rate["numerator"], rate["denominator"], rate["n"], len(rate["interval"])) == (1, 6, 6, 2)
        assert [metric["state"] for metric in view["metrics"] if "state" in metric] == ["too_few", "too_few"]
        assert len(view["metrics"]) == 6
        assert (view["definition"]["version"], view["definition"]["url"]) == (1, f"{BASE}/v1/dora/definition")
        assert view["deployments"].startswith(f"{BASE}/v1/dora/deployments?from=2024-01-01")
        assert view["deployments"].endswith("&service=checkout")
        assert len(said(result)) < 2_000


async def test_a_metric_that_nobody_can_know_has_no_value() -> None:
    async with serving() as client:
        view = (await client.call("dora", service="unheard")).structuredContent
        assert view is not None
        assert {metric["metric"]: metric.get("value") for metric in view["metrics"]}["change_fail_rate"] is None
        assert view["metrics"][0]["value"] == 0
