"""The reading half of the OpenAPI document says what the parser does."""

import re
from typing import Any

from causeline.query_api import routes as http
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native import openapi, stream_http
from causeline.query_api.questions import parameters
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event


def test_every_route_is_described_and_nothing_else() -> None:
    store = MemoryEventStore()
    routes = http.routes(Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0)))
    described = {(method.upper(), path) for path, item in openapi.document()["paths"].items() for method in item if method != "parameters"}
    assert described == {(route.method, route.path) for route in routes} | {("GET", stream_http.PATH)}


def test_every_parameter_of_the_table_is_described() -> None:
    described = {p["name"] for p in openapi.document()["paths"]["/v1/events"]["get"]["parameters"]}
    assert described == {parameter.name for parameter in parameters.EVENTS}


def test_every_reference_leads_somewhere() -> None:
    document = openapi.document()
    refs: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            refs.extend(value for key, value in node.items() if key == "$ref")
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk({path: item for path, item in document["paths"].items() if path.startswith("/v1/")})
    walk(document["components"])
    assert refs
    names = {re.sub(r"^#/components/schemas/", "", ref) for ref in refs}
    assert names <= set(document["components"]["schemas"])


def test_an_event_is_described_by_its_columns() -> None:
    event = openapi.document()["components"]["schemas"]["Event"]["properties"]
    assert set(event) == {*Event.__struct_fields__} - {"is_deleted"}
    assert event["ts"]["format"] == "date-time"
    assert event["end"]["type"] == ["string", "null"]
    assert event["tags"]["additionalProperties"] == {"type": "string"}
