"""What only gRPC has: tools that ask the server what it speaks, generated clients, messages that are none, credentials in metadata."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.deploy.access.access import Gate
from causeline.deploy.server.door import Door
from causeline.deploy.server.grpc.server import RpcServer
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.workload import Workload
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.messages import SERVICE
from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.proto.tracker.event.v1alpha1.event_pb2_grpc import EventServiceStub
from causeline.schemas.web.http import MAX_BODY, HttpRequest
from causeline.schemas.web.rpc import unary
from tests.hostile import TEXTS
from tests.tracker_server import METHODS, MemoryTracker, Rpc, serving

GRPCURL = [json.loads(line) for line in (Path(__file__).parents[2] / "fixtures" / "tracker" / "grpcurl.jsonl").read_text().splitlines()]

DOOR = Door(Workload(5.0), Quotas(0, {}))


def client_of(channel: grpc.aio.Channel) -> Any:
    """Return a client as Tracker's users generate it; generated code has no types."""
    return EventServiceStub(channel)  # type: ignore[no-untyped-call]


@pytest.fixture
async def rpc() -> AsyncIterator[Rpc]:
    async with serving(MemoryTracker()) as client:
        yield client


def reflected(target: str) -> tuple[list[str], ServiceDescriptor]:
    """Return what a tool without a .proto file learns from the server: its services, and Tracker's."""
    with grpc.insecure_channel(target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        service = descriptor_pool.DescriptorPool(database).FindServiceByName(SERVICE)
        for method in service.methods:
            assert method.input_type.fields_by_name is not None
        return sorted(database.get_services()), service


async def test_the_documents_grpcurl_lines_work_with_what_reflection_tells(rpc: Rpc) -> None:
    services, service = await asyncio.to_thread(reflected, rpc.target)
    assert services == ["grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection", SERVICE]
    assert {method.name for method in service.methods} == set(METHODS)
    event_id = ""
    for line in GRPCURL:
        method = service.methods_by_name[line["method"]]
        body = json.dumps(line["body"]).replace("507f1f77bcf86cd799439011", event_id)
        request = json_format.Parse(body, message_factory.GetMessageClass(method.input_type)())
        answer = await rpc.channel.unary_unary(f"/{SERVICE}/{method.name}")(request.SerializeToString())
        await rpc.tracker.reach()
        document = json_format.MessageToDict(message_factory.GetMessageClass(method.output_type).FromString(answer))
        if line["method"] == "CreateEvent":
            event_id = document["event"]["metadata"]["id"]
            attributes = document["event"]["attributes"]
            assert [attributes[name] for name in ("type", "priority", "status", "environment")] == [
                "deployment",
                "P2",
                "success",
                "production",
            ]
            assert (attributes["startDate"], document["event"]["metadata"]["duration"]) == ("2024-01-15T10:00:00Z", "300s")
        elif line["method"] == "GetEvent":
            assert document["event"]["metadata"]["id"] == event_id
        else:
            assert document.get("totalCount", 0) == (0 if "priority" in line["body"] else 1)


async def test_a_generated_client_speaks_to_it(rpc: Rpc) -> None:
    stub = client_of(rpc.channel)
    event = (
        await stub.CreateEvent(pb.CreateEventRequest(title="t", attributes=pb.EventAttributes(type=pb.incident, status=pb.open)))
    ).event
    await rpc.tracker.reach()
    page = await stub.SearchEvents(pb.SearchEventsRequest(type=pb.incident))
    assert (page.total_count, list(page.events)) == (1, [event])
    deletion = await stub.DeleteEvents(pb.DeleteEventRequest(id=event.metadata.id))
    assert deletion.id == event.metadata.id


async def test_every_method_of_the_service_is_served(rpc: Rpc) -> None:
    assert {route.path for route in rpc.tracker.rpc} == {f"/{SERVICE}/{name}" for name in METHODS}
    with pytest.raises(grpc.RpcError) as refused:
        await rpc.channel.unary_unary(f"/{SERVICE}/DropEvents")(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_an_event_that_rest_stored_in_the_documents_numbers_has_the_protos_numbers(rpc: Rpc) -> None:
    event = (await rpc.tracker.rest("POST", "/api/v1alpha1/event", {"title": "t", "attributes": {"status": 7, "impact": 2}})).body
    grpc_event = (await rpc.call("GetEvent", {"id": event["id"]}))["event"]
    assert grpc_event["attributes"] == {"status": "open", "impact": True}
    again = (await rpc.call("UpdateEvent", {"id": event["id"], "attributes": {"status": 10}}))["event"]
    assert again["attributes"] == {"status": "close", "impact": True}
    rest_event = (await rpc.tracker.rest("GET", f"/api/v1alpha1/event/{event['id']}")).body
    assert rest_event["attributes"] == {"status": 8, "impact": 2}


async def test_health_follows_what_is_reported() -> None:
    tracker = MemoryTracker()
    server = RpcServer(tracker.rpc, lambda: tracker.now, Gate(None), DOOR)
    await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for ready, status in ((True, "SERVING"), (False, "NOT_SERVING"), (True, "SERVING")):
            await server.report(ready=ready)
            for name in ("", SERVICE):
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
                assert health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == status
        with pytest.raises(grpc.RpcError) as refused:
            await stub.Check(health_pb2.HealthCheckRequest(service="other"))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    await server.stop(1.0)


async def test_a_taken_port_is_an_error_and_not_shared() -> None:
    first, second = (RpcServer([], lambda: 0, Gate(None), DOOR) for _ in range(2))
    await first.start("127.0.0.1", 0)
    with pytest.raises(RuntimeError, match="bind"):
        await second.start("127.0.0.1", first.port)
    await first.stop(1.0)


async def test_a_call_in_work_is_finished_while_the_server_stops() -> None:
    start, release = asyncio.Event(), asyncio.Event()

    async def slow(_: pb.GetEventRequest, __: HttpRequest) -> pb.GetEventResponse:
        start.set()
        await release.wait()
        return pb.GetEventResponse()

    server = RpcServer([unary(SERVICE, "GetEvent", pb.GetEventRequest, slow, api=TRACKER, scope="read")], lambda: 0, Gate(None), DOOR)
    await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        calling = asyncio.ensure_future(client_of(channel).GetEvent(pb.GetEventRequest()))
        await start.wait()
        stopping = asyncio.create_task(server.stop(20.0))
        release.set()
        assert await calling == pb.GetEventResponse()
        await stopping
        with pytest.raises(grpc.RpcError) as refused:
            await client_of(channel).GetEvent(pb.GetEventRequest(), timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_bug_is_internal_and_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_: pb.GetEventRequest, __: HttpRequest) -> pb.GetEventResponse:
        raise KeyError("secret")

    server = RpcServer([unary(SERVICE, "GetEvent", pb.GetEventRequest, broken, api=TRACKER, scope="read")], lambda: 0, Gate(None), DOOR)
    await server.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            await client_of(channel).GetEvent(pb.GetEventRequest())
    await server.stop(1.0)
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    assert "call failed" in capsys.readouterr().out


async def test_a_retry_is_told_when(rpc: Rpc) -> None:
    rpc.tracker.log.away = True
    with pytest.raises(grpc.RpcError) as refused:
        await rpc.call("CreateEvent", {"title": "t"})
    assert dict(refused.value.trailing_metadata())["retry-after"] in {"5", "6", "7"}


async def test_a_message_beyond_the_limit_is_refused(rpc: Rpc) -> None:
    room = MAX_BODY - 16
    assert (await rpc.call("CreateEvent", pb.CreateEventRequest(title="x" * room)))["event"]["title"] == "x" * room
    with pytest.raises(grpc.RpcError) as refused:
        await rpc.call("CreateEvent", pb.CreateEventRequest(title="x" * (MAX_BODY + 1)))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
}
HOSTILE = [text.encode("utf-8", "surrogatepass") for text in TEXTS]


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def _field(number: int, content: int | bytes) -> bytes:
    """Return a field on the wire, whatever its declared type: a varint, or bytes with their length."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _hostile(number: int) -> bytes:
    return HOSTILE[number]


leaves = st.integers(0, 2**64 - 1) | st.integers(0, 20) | st.binary(max_size=20) | st.integers(0, len(HOSTILE) - 1).map(_hostile)


def _message(contents: st.SearchStrategy[int | bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.tuples(st.integers(1, 16), contents), max_size=6).map(lambda fields: b"".join(_field(*field) for field in fields))


wire = st.recursive(_message(leaves), lambda inner: _message(leaves | inner), max_leaves=6)


async def _status(rpc: Rpc, method: str, body: bytes) -> grpc.StatusCode:
    try:
        await rpc.channel.unary_unary(f"/{SERVICE}/{method}")(body, timeout=20)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(sorted(METHODS)), body=st.binary(max_size=200) | wire)
async def test_no_bytes_are_an_internal_error(rpc: Rpc, method: str, body: bytes) -> None:
    assert await _status(rpc, method, body) in ANSWERS


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), method=st.sampled_from(sorted(METHODS)))
async def test_no_fields_are_an_internal_error(rpc: Rpc, data: st.DataObject, method: str) -> None:
    body = data.draw(_filled(METHODS[method].input_type))
    assert await _status(rpc, method, body.SerializeToString()) in ANSWERS


_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from([text for text in TEXTS if text.encode("utf-8", "ignore").decode() == text]) | st.text(max_size=30),
    "bool": st.booleans(),
    "enum": st.integers(-(2**31), 2**31 - 1) | st.integers(0, 20),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2_000_000_000),
    "uint32": st.integers(0, 2**32 - 1),
}


def _filled(kind: Any) -> st.SearchStrategy[Any]:
    """Return messages of a type with any of its fields set to anything that can be set."""

    def values(field: Any) -> st.SearchStrategy[Any]:
        if field.message_type is not None:
            one = _filled(field.message_type)
        else:
            names = {field.TYPE_STRING: "string", field.TYPE_BOOL: "bool", field.TYPE_ENUM: "enum", field.TYPE_INT32: "int32"}
            one = _SCALARS[(names | {field.TYPE_INT64: "int64", field.TYPE_UINT32: "uint32"})[field.type]]
        return st.lists(one, max_size=3) if field.is_repeated else one

    return st.fixed_dictionaries({}, optional={field.name: values(field) for field in kind.fields}).map(
        lambda fields: message_factory.GetMessageClass(kind)(**fields)
    )
