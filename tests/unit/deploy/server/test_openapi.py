"""The one document of all slices: complete, closed, and every refusal in the envelope of its API."""

import json
import re
import secrets
from functools import partial
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from causeline.deploy.access.access import Gate
from causeline.deploy.server.apis import apis
from causeline.deploy.server.openapi.document import openapi_document
from causeline.deploy.server.readiness import FlowJudge
from causeline.deploy.server.routing import ApiPaths
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.adapters.memory.tail import MemoryLogTail
from causeline.query_api.live.streams import Clocks, Streams
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.query_api.ui.api import PAGES_API
from causeline.schemas.web.errors import FieldError, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from causeline.schemas.web.http import HttpRoute
from tests.definitions_memory import defining
from tests.feedback_memory import assessing
from tests.services_memory import registering
from tests.subscribing import subscribing

DOCUMENT = openapi_document()
NOT_DESCRIBED = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/mcp"}
METHODS = {"get", "post", "put", "patch", "delete"}
MEDIA = {"ProblemDetails": "application/problem+json", "RegistryError": "application/vnd.schemaregistry.v1+json"}


def routes() -> list[HttpRoute]:
    store = MemoryEventStore()
    reader = Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0))
    service = IngestService(MemoryEventLog(), MemoryCurrentEvents(), MemoryOpenProblems(), secrets.token_bytes)
    judge = FlowJudge()
    settings = Settings(data_dir=Path("unused"))
    streams = Streams(MemoryLogTail(), store.looks, Clocks(lambda: 0, lambda: 0.0))
    services, feedback = registering(), assessing()
    return apis(
        settings,
        service,
        reader,
        CauseReader(reader, services.topology, feedback.of),
        streams,
        subscribing(service),
        services,
        feedback,
        defining(),
        partial(judge.judge, 0, clickhouse=True),
        Gate(None),
    ).routes


def test_every_route_is_described_and_every_description_is_served() -> None:
    routes_served = {
        (re.sub(r":path\}", "}", route.path), route.method.lower())
        for route in routes()
        if route.path not in NOT_DESCRIBED and route.api is not PAGES_API
    }
    operations = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item if method in METHODS}
    assert operations == routes_served


def test_every_reference_has_its_schema() -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(DOCUMENT)))
    assert names <= set(DOCUMENT["components"]["schemas"])


def test_every_body_and_every_answer_is_a_schema_with_a_name() -> None:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & set(item):
            descriptions = [*item[method]["responses"].values(), item[method].get("requestBody", {"content": {}})]
            for description in descriptions:
                assert all(set(content["schema"]) == {"$ref"} for content in description["content"].values()), (method, path)
            assert any(status < "300" for status in item[method]["responses"])


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_operation_ids_are_unique() -> None:
    ids = [item[method]["operationId"] for item in DOCUMENT["paths"].values() for method in item if method in METHODS]
    assert len(ids) == len(set(ids))


def test_every_operation_says_how_it_refuses() -> None:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & set(item):
            responses = item[method]["responses"]
            assert {"400", "401", "403", "503"} <= set(responses), (method, path)
            # 414 is the HTTP server's, before it is known whose words to use.
            assert all(response["content"] for status, response in responses.items() if status >= "400" and status != "414")


@pytest.mark.parametrize(
    "error",
    [
        Invalid("wrong", (FieldError("a.b", "is wrong"), FieldError("c", "is wrong too"))),
        Invalid("wrong", where="QUERY"),
        Unauthorized("who?"),
        Forbidden("no"),
        NotFound("nothing"),
        Unavailable("later"),
    ],
    ids=lambda error: error.reason,
)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1alpha1/event", "TrackerError"),
        ("/api/v1/events", "DeskErrorEnvelope"),
        ("/events", "CtoAiError"),
        ("/internal/create-event", "EscapeKitError"),
        ("/v1/accounts/acc_1/events", "ApiTrafficError"),
        ("/subjects", "RegistryError"),
        ("/v1/events", "ProblemDetails"),
    ],
)
def test_every_error_is_as_its_schema_says(path: str, name: str, error: Invalid) -> None:
    refusal = ApiPaths(route.api for route in routes()).api_of(path).refuse(error)
    Draft202012Validator(DOCUMENT["components"]["schemas"][name]).validate(msgspec.json.decode(refusal.body))
    media = MEDIA.get(name, "application/json")
    assert refusal.headers["Content-Type"].split(";")[0] == media
