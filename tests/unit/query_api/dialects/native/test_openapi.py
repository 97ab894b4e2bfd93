"""The reading half of the OpenAPI document says what the parser does."""

import re
from typing import Any

from causeline.query_api import routes as http
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.dialects.native import openapi, stream_http
from causeline.query_api.questions import parameters
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.event import Event


def test_every_route_is_described_and_nothing_else() -> None:
    store = MemoryEventStore()
    routes = http.routes(Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0)))
    operations = {(method.upper(), path) for side in READ_APIS for path, item in side.openapi.paths.items() for method in item}
    assert operations == {(route.method, route.path) for route in routes} | {("GET", stream_http.STREAM_PATH)}


def test_every_parameter_of_the_table_is_described() -> None:
    names = {p["name"] for p in openapi.PART.paths["/v1/events"]["get"]["parameters"]}
    assert names == {parameter.name for parameter in parameters.EVENT_PARAMETERS}


def test_every_reference_leads_somewhere() -> None:
    parts = [side.openapi for side in READ_APIS]
    refs: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            refs.extend(value for key, value in node.items() if key == "$ref")
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk([[dict(part.paths), dict(part.schemas)] for part in parts])
    assert refs
    names = {re.sub(r"^#/components/schemas/", "", ref) for ref in refs}
    assert names <= {name for part in parts for name in part.schemas} | {dialect.envelope.schema_name for dialect in DIALECTS}


def test_an_event_is_described_by_its_columns() -> None:
    event = openapi.PART.schemas["Event"]["properties"]
    assert set(event) == {*Event.__struct_fields__} - {"is_deleted", "previous_service", "commit_times"}
    assert event["ts"]["format"] == "date-time"
    assert event["end"]["type"] == ["string", "null"]
    assert event["tags"]["additionalProperties"] == {"type": "string"}
