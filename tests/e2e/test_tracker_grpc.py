"""Tracker over gRPC against a whole stack: the document's grpcurl lines, and what REST and gRPC clients see of each other."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from causeline.schemas.dialects.tracker.messages import SERVICE
from tests import patience
from tests.stack import Stack, running
from tests.tracker_server import without_defaults

LINES = [json.loads(line) for line in (Path(__file__).parents[1] / "fixtures" / "tracker" / "grpcurl.jsonl").read_text().splitlines()]
EXAMPLE_ID = "507f1f77bcf86cd799439011"
EVENT = "/api/v1alpha1/event"

Json = dict[str, Any]


class Grpcurl:
    """What grpcurl does: asks the server for its methods, sends JSON as messages, prints messages as JSON."""

    def __init__(self, channel: grpc.Channel, tenant: str) -> None:
        self._channel = channel
        self._service = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(SERVICE)
        self._metadata = (("causeline-tenant", tenant),)

    def __call__(self, method: str, body: Json | None = None) -> Json:
        kind = self._service.methods_by_name[method]
        request = json_format.ParseDict(body or {}, message_factory.GetMessageClass(kind.input_type)())
        answer = self._channel.unary_unary(f"/{SERVICE}/{method}")(request.SerializeToString(), metadata=self._metadata, timeout=30)
        document: Json = json_format.MessageToDict(message_factory.GetMessageClass(kind.output_type).FromString(answer))
        return document

    def refused(self, method: str, body: Json) -> grpc.StatusCode:
        with pytest.raises(grpc.RpcError) as error:
            self(method, body)
        code: grpc.StatusCode = error.value.code()
        return code


@pytest.fixture
def tenant() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def rpc(stack: Stack, tenant: str) -> Iterator[Grpcurl]:
    with grpc.insecure_channel(f"127.0.0.1:{stack.grpc_port}") as channel:
        yield Grpcurl(channel, tenant)


@pytest.fixture
def api(stack: Stack, tenant: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=30) as client:
        yield client


def until(ask: Callable[[], Json], total: int) -> Json:
    """Ask until so many are counted: what was acknowledged is in lists within a second, here with room for a loaded machine."""
    return patience.asked(ask, lambda found: found.get("totalCount", 0) == total)


def test_the_grpcurl_lines_of_the_document_work_word_for_word(rpc: Grpcurl) -> None:
    event_id = ""
    for line in LINES:
        method, body = line["method"], line["body"]
        if body.get("id") == EXAMPLE_ID:
            assert rpc.refused(method, body) is grpc.StatusCode.NOT_FOUND
            assert rpc(method, {"id": event_id})["event"]["title"] == "Deploy user-service v2.1.0"
        elif method == "CreateEvent":
            event_id = rpc(method, body)["event"]["metadata"]["id"]
            until(lambda: rpc("ListEvents"), 1)
        else:
            assert rpc(method, body).get("totalCount", 0) == (0 if "priority" in body else 1)


def test_rest_and_grpc_show_the_same_event_each_in_its_numbers(rpc: Grpcurl, api: httpx.Client) -> None:
    event = api.post(EVENT, json={"title": "t", "attributes": {"type": 4, "status": 7, "environment": 7, "impact": 3}}).json()
    grpc_event = rpc("GetEvent", {"id": event["id"]})["event"]
    assert grpc_event["attributes"] == {"type": "incident", "status": "open", "environment": "production", "impact": True}
    rpc("UpdateEvent", {"id": event["id"], "attributes": {"status": 10}, "slack_id": "C1.p2"})
    assert api.get(f"{EVENT}/C1.p2").json()["attributes"] == {"type": 4, "status": 8, "environment": 7, "impact": 3}
    log = api.get(f"{EVENT}/{event['id']}/changelog").json()["changelog"]
    assert [(entry["field"], entry["oldValue"], entry["newValue"]) for entry in log] == [
        ("status", "open", "close"),
        ("slackId", "", "C1.p2"),
    ]
    assert rpc("DeleteEvents", {"slack_id": "C1.p2"}) == {"id": event["id"], "slackId": "C1.p2"}
    assert rpc.refused("GetEvent", {"id": event["id"]}) is grpc.StatusCode.NOT_FOUND
    assert api.get(f"{EVENT}/C1.p2").status_code == 404


def test_an_incident_over_grpc_opens_and_closes_a_problem(rpc: Grpcurl, api: httpx.Client) -> None:
    event = rpc("CreateEvent", {"title": "DB down", "attributes": {"type": "incident", "status": "open", "service": "db"}})["event"]
    rpc("UpdateEvent", {"id": event["metadata"]["id"], "attributes": {"status": "done"}})
    until(lambda: {"totalCount": len(api.get("/v1/problems", params={"state": "closed"}).json()["problems"])}, 1)
    (problem,) = api.get("/v1/problems").json()["problems"]
    assert (problem["state"], problem["event_id"]) == ("closed", event["metadata"]["id"])


def test_statistics_count_by_name_and_by_month(rpc: Grpcurl, api: httpx.Client) -> None:
    for month, kind in (("01", "deployment"), ("01", "rpa_usage"), ("03", "deployment")):
        body = {
            "title": "t",
            "attributes": {"type": kind, "environment": "TNR", "service": "db", "start_date": f"2024-{month}-15T10:00:00Z"},
        }
        rpc("CreateEvent", body)
    until(lambda: rpc("ListEvents"), 3)
    assert api.get("/api/v1alpha1/events/stats").json() == {
        "totalCount": 3,
        "byType": {"deployment": 2, "rpa_usage": 1},
        "byStatus": {},
        "byPriority": {},
        "byEnvironment": {"TNR": 3},
        "byService": {"db": 3},
        "startDate": "",
        "endDate": "",
    }
    monthly = api.get("/api/v1alpha1/events/stats/monthly", params={"start_date": "2024-01-01"}).json()
    assert monthly["months"] == [
        {"month": "2024-01", "totalCount": 2, "byType": {"deployment": 1, "rpa_usage": 1}, "byStatus": {}},
        {"month": "2024-03", "totalCount": 1, "byType": {"deployment": 1}, "byStatus": {}},
    ]
    assert (monthly["totalCount"], monthly["startDate"], monthly["endDate"]) == (3, "2024-01-01", "")
    assert api.get("/api/v1alpha1/events/stats", params={"type": "5"}).json()["totalCount"] == 1


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GetEvent", {"id": "a\x00b"}),
        ("SearchEvents", {"service": "a\x00b'\\"}),
        ("SearchEvents", {"slack_id": "\x00"}),
        ("ListEvents", {"page": -1}),
    ],
)
def test_what_a_store_could_stumble_over_is_answered_in_order(rpc: Grpcurl, method: str, body: Json) -> None:
    try:
        assert rpc(method, body) == {}
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)  # noqa: PT017 - both ends are in order


def test_health_is_serving_while_events_flow(stack: Stack) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{stack.grpc_port}") as channel:
        stub, serving = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckResponse.SERVING
        asking = health_pb2.HealthCheckRequest(service=SERVICE)
        patience.asked(lambda: stub.Check(asking, timeout=10).status, lambda status: status == serving)


def test_the_profile_released_answers_as_the_released_tracker(tmp_path: Path) -> None:
    with running(tmp_path / "data", CAUSELINE_TRACKER_PROFILE="released") as stack, httpx.Client(base_url=stack.url, timeout=30) as api:
        body = {"title": "t", "attributes": {"type": 1, "status": 9, "impact": True, "start_date": "2024-01-15T10:00:00Z"}, "unknown": 1}
        answer = api.post(EVENT, json=body).json()
        event = answer["event"]
        flat = {"id": event["metadata"]["id"], "createdAt": event["metadata"]["createdAt"]}
        assert answer == event | flat | {"event": event}
        assert event["attributes"] == {"type": "deployment", "status": "open", "impact": True, "startDate": "2024-01-15T10:00:00Z"}
        assert (event["links"], event["changelog"], event["unknown"]) == ({}, [], 1)
        assert set(event["metadata"]) == {"createdAt", "duration", "id", "slackId"}
        event_id = event["metadata"]["id"]
        event_after = api.post(f"{EVENT}/{event_id}/slack", json={"slackId": "S1"}).json()["event"]
        assert event_after["metadata"]["slackId"] == "S1"
        assert api.get(f"{EVENT}/S1").json()["event"] == event_after
        with grpc.insecure_channel(f"127.0.0.1:{stack.grpc_port}") as channel:
            grpc_event = Grpcurl(channel, "default")("GetEvent", {"id": event_id})["event"]
        assert grpc_event["attributes"] == without_defaults(event["attributes"])
        page = until(lambda: api.get("/api/v1alpha1/events/search", params={"impact": "true", "status": 9}).json(), 1)
        assert [one["metadata"]["id"] for one in page["events"]] == [event_id]
        assert api.delete(f"{EVENT}/S1").json() == {"id": event_id, "slackId": "S1"}
        assert api.get(f"{EVENT}/{event_id}").json() == {"code": 5, "message": f"there is no event {event_id}", "details": []}
