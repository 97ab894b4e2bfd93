"""What one client can hold of the gRPC server, and that another one is served meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from causeline.deploy.server.grpc.places import MOST_STREAMS, MOST_STREAMS_OF_ONE, Places
from causeline.schemas.dialects.tracker.messages import SERVICE
from tests import patience
from tests.access_server import AccessServer
from tests.tracker_server import NOW, MemoryTracker, Rpc, serving

CREATE = f"/{SERVICE}/CreateEvent"


@asynccontextmanager
async def connections(rpc: Rpc, count: int) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Give channels with a connection each."""
    async with AsyncExitStack() as stack:
        own = [("grpc.use_local_subchannel_pool", 1)]
        yield [await stack.enter_async_context(grpc.aio.insecure_channel(rpc.target, options=own)) for _ in range(count)]


def opened(channel: grpc.aio.Channel, **metadata: str) -> Any:
    """Open a call and send no message."""
    return channel.stream_unary(CREATE)(metadata=tuple(metadata.items()) or None)


async def code_of(call: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = await call.code()
    return code


async def test_540_watches_without_a_token_take_nothing_from_who_creates_events() -> None:
    access = AccessServer()
    access.now = NOW
    token = f"Bearer {await access.issue('ingest')}"
    async with serving(MemoryTracker(), access.gate) as rpc, connections(rpc, 54) as others:
        watches = [health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()) for channel in others for _ in range(10)]

        async def first(watch: Any) -> str:
            try:
                return "served" if (await watch.read()) is not grpc.aio.EOF else "ended"
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)

        met = Counter(await asyncio.gather(*map(first, watches)))
        assert met == {"served": MOST_STREAMS, "RESOURCE_EXHAUSTED": len(watches) - MOST_STREAMS}
        for number in range(20):
            creation = await rpc.call("CreateEvent", {"title": f"t{number}"}, authorization=token)
            assert creation["event"]["title"] == f"t{number}"
        health = await health_pb2_grpc.HealthStub(rpc.channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_connection_has_few_streams_reflection_included_and_gets_them_back() -> None:
    async with serving(MemoryTracker()) as rpc:
        stub = reflection_pb2_grpc.ServerReflectionStub(rpc.channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        streams = [stub.ServerReflectionInfo() for _ in range(MOST_STREAMS_OF_ONE)]
        for stream in streams:
            await stream.write(request)
            assert (await stream.read()).HasField("list_services_response")
        refused = stub.ServerReflectionInfo()
        assert await code_of(refused) is grpc.StatusCode.RESOURCE_EXHAUSTED
        for stream in streams:
            await stream.done_writing()
            assert await code_of(stream) is grpc.StatusCode.OK
        again = stub.ServerReflectionInfo()
        await again.write(request)
        assert (await again.read()).HasField("list_services_response")


async def test_who_shows_no_token_is_refused_before_a_message_is_waited_for() -> None:
    access = AccessServer()
    access.now = NOW
    async with serving(MemoryTracker(), access.gate, Places(message_s=60.0)) as rpc:
        assert await code_of(opened(rpc.channel)) is grpc.StatusCode.UNAUTHENTICATED
        assert await code_of(opened(rpc.channel, authorization="Bearer wrong")) is grpc.StatusCode.UNAUTHENTICATED


async def test_a_message_that_does_not_come_ends_the_call() -> None:
    async with serving(MemoryTracker(), places=Places(message_s=0.1)) as rpc:
        assert await code_of(opened(rpc.channel)) is grpc.StatusCode.DEADLINE_EXCEEDED
        watch = rpc.channel.stream_stream("/grpc.health.v1.Health/Watch")()
        assert await code_of(watch) is grpc.StatusCode.DEADLINE_EXCEEDED
        idle = reflection_pb2_grpc.ServerReflectionStub(rpc.channel).ServerReflectionInfo()
        assert await code_of(idle) is grpc.StatusCode.OK


async def test_a_call_that_ends_without_a_message_is_refused() -> None:
    async with serving(MemoryTracker()) as rpc:
        call = opened(rpc.channel)
        await call.done_writing()
        assert await code_of(call) is grpc.StatusCode.INVALID_ARGUMENT


async def test_calls_without_a_message_give_way_the_oldest_first() -> None:
    async with serving(MemoryTracker(), places=Places(pending=20, message_s=60.0)) as rpc, connections(rpc, 3) as others:
        first = [opened(others[0]) for _ in range(30)]
        ended = asyncio.gather(*(code_of(call) for call in first))
        await patience.holds(lambda: sum(call.done() for call in first) == 10)  # the server has all of them now
        later = [opened(channel) for channel in others[1:] for _ in range(30)]
        for number in range(10):
            assert (await rpc.call("CreateEvent", {"title": f"t{number}"}))["event"]["title"] == f"t{number}"
        assert set(await ended) == {grpc.StatusCode.UNAVAILABLE}
        for call in later:
            call.cancel()


@pytest.mark.parametrize(
    "metadata",
    [
        (("causeline-tenant", "a"), ("causeline-tenant", "b")),
        (("authorization", "Bearer a"), ("authorization", "Bearer b")),
        (("idempotency-key", "a"), ("idempotency-key", "a")),
        (("causeline-tenant", ""),),
        (("causeline-tenant", "a b"),),
        (("idempotency-key", "x" * 256),),
    ],
    ids=str,
)
async def test_metadata_that_decide_something_are_read_or_refused(metadata: tuple[tuple[str, str], ...]) -> None:
    async with serving(MemoryTracker()) as rpc:
        call = rpc.channel.unary_unary(CREATE)(b"\x0a\x01t", metadata=metadata)
        assert await code_of(call) is grpc.StatusCode.INVALID_ARGUMENT


async def test_binary_metadata_are_other_fields() -> None:
    async with serving(MemoryTracker()) as rpc:
        call = rpc.channel.unary_unary(CREATE)(b"\x0a\x01t", metadata=(("causeline-tenant-bin", b"\xff"), ("causeline-tenant", "shop")))
        assert await code_of(call) is grpc.StatusCode.OK
