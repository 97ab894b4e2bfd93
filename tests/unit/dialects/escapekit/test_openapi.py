from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.escapekit import http as writes
from causeline.ingest.dialects.escapekit.openapi import EVENT_SCHEMA, PATHS, SCHEMAS
from causeline.ingest.dialects.escapekit.subscriptions import SubscriptionBody
from causeline.ingest.dialects.escapekit.writes import EscapeKitEvent
from causeline.query_api.dialects.escapekit.openapi import PATHS as QUERY_PATHS
from causeline.query_api.dialects.escapekit.parameters import PATH_MEMBERS as QUERIES
from tests.subscribing import subscribing


def test_every_writing_route_is_described() -> None:
    service = IngestService(MemoryEventLog(), MemoryCurrentEvents(), MemoryOpenProblems(), bytes)
    operations = {(route.path, route.method.lower()) for route in writes.routes(service, subscribing(service))}
    assert operations == {(path, method) for path, item in PATHS.items() for method in item}


def test_every_field_that_is_judged_is_described() -> None:
    assert set(EVENT_SCHEMA["properties"]) == set(EscapeKitEvent.model_fields)
    assert set(SCHEMAS["EscapeKitSubscription"]["properties"]) == set(SubscriptionBody.model_fields)


def test_every_query_path_has_an_operation_of_its_own() -> None:
    assert set(QUERY_PATHS) == set(QUERIES)
    assert len({item["get"]["operationId"] for item in QUERY_PATHS.values()}) == len(QUERIES)
    path_parameters = QUERY_PATHS["/api/v1/events/query/project/{project}/{environment}/{deployment}"]["get"]["parameters"]
    assert [parameter["name"] for parameter in path_parameters] == ["project", "environment", "deployment", "limit", "cursor"]
