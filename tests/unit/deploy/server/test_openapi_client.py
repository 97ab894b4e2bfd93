"""A client generated from the served document loses no operation and no answer, and reads what a running server answers."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import httpx
import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from causeline.deploy.server.openapi.document import openapi_document
from tests.access_server import AccessServer, Sent, serving

NAME = "causeline_generated_client"
EVENT = {"type": "deployment", "source": "ci"}


class InProcess(httpx.AsyncBaseTransport):
    """Sends a client's requests to the shell of a server in this process."""

    def __init__(self, server: AccessServer) -> None:
        self._server = server

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fields = {name.lower(): value for name, value in request.headers.items()}
        query = request.url.query.decode()
        reply = await self._server.send(Sent(request.method, request.url.path, query, await request.aread(), fields))
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("client")
    document = folder / "openapi.json"
    document.write_text(json.dumps(openapi_document()))
    rules = ConfigFile(post_hooks=[])
    complaints = generate(config=Config.from_sources(rules, MetaType.NONE, document, "utf-8", overwrite=False, output_path=folder / NAME))
    # The generator knows no lines of JSON, the second medium of two bodies, and leaves out nothing else.
    assert [one.detail for one in complaints] == ["Unsupported content type application/x-ndjson"] * 2
    spec = importlib.util.spec_from_file_location(NAME, folder / NAME / "__init__.py", submodule_search_locations=[str(folder / NAME)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


class Calls:
    """The generated functions by operation, each with the client that they are called with."""

    def __init__(self, generated: ModuleType, server: AccessServer) -> None:
        client = generated.Client(base_url="http://127.0.0.1", raise_on_unexpected_status=True)
        self._client = client.set_async_httpx_client(httpx.AsyncClient(base_url="http://127.0.0.1", transport=InProcess(server)))

    def model(self, name: str, value: Any) -> Any:
        return getattr(importlib.import_module(f"{NAME}.models"), name).from_dict(value)

    async def call(self, module: str, *path: str, **arguments: Any) -> Any:
        function = importlib.import_module(f"{NAME}.api.{module}").asyncio
        return await function(*path, client=self._client, **arguments)


async def test_one_call_of_each_api_is_read(generated: ModuleType) -> None:
    async with serving(is_auth_required=False) as server:
        await one_call_of_each_api(Calls(generated, server), server)


async def one_call_of_each_api(calls: Calls, server: AccessServer) -> None:
    body = {"title": "Deploy", "attributes": {"type": 1, "impact": True, "startDate": "2024-01-15T10:00:00Z"}}
    tracker_event = await calls.call("tracker.tracker_create_event", body=calls.model("TrackerCreateEventBody", body))
    assert (tracker_event.title, tracker_event.event.title, type(tracker_event.created_at)) == ("Deploy", "Deploy", datetime)
    assert (tracker_event.attributes.impact, tracker_event.metadata.id) == (True, tracker_event.id)
    await server.reach()
    page = await calls.call("tracker.tracker_list_events")
    assert (page.total_count, page.events[0].metadata.id) == (1, tracker_event.id)
    refused = await calls.call("tracker.tracker_create_event", body=calls.model("TrackerCreateEventBody", {"title": " "}))
    assert (refused.code, "title" in refused.message) == (3, True)

    marker = await calls.call(
        "api_traffic.apitraffic_create_event",
        "acc_shop1",
        body=calls.model("ApitrafficCreateEventBody", {"type": "deployment", "name": "v2"}),
    )
    assert (marker.name, marker.bucket_sids, marker.ended_at) == ("v2", ["*"], None)

    build = await calls.call("cto_ai.cto_ai_create_event", body=calls.model("CtoAiNewEvent", {"team_id": "t", "event_name": "build"}))
    assert build.data.id == build.id

    new_event = await calls.call("escape_kit.escapekit_create_event", body=calls.model("EscapeKitNewEvent", {"type": "deployment"}))
    assert new_event.type_ == "deployment"

    push = {"eventType": "CUSTOM_INFO", "source": "s", "description": "d", "attachRules": {"entityIds": ["SERVICE-1"]}}
    pushed = await calls.call("desk_events_api_v_1.desk_push_event_managed", "shop", body=calls.model("DeskPush", push))
    assert len(pushed.stored_ids) == 1

    native = await calls.call("native.create_events", body=calls.model("NewEvent", {"kind": "deployment", "title": "t"}))
    assert native.kind == "deployment"
    await server.reach()
    assert [event.kind for event in (await calls.call("native.list_events")).events][:1] == ["deployment"]
    assert "causeline.events-value" in await calls.call("schema_registry.registry_subjects")
