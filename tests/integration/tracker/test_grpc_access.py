"""Who may call over gRPC: the gate of HTTP, with credentials in metadata."""

from collections.abc import AsyncIterator

import grpc
import pytest

from tests.access_server import FOREIGN, TENANT, AccessServer
from tests.tracker_server import NOW, MemoryTracker, Rpc, serving

OK, INVALID, NOT_FOUND = grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED

# What an empty message is answered with once its caller is let in.
METHODS = {
    "CreateEvent": ("ingest", INVALID),
    "UpdateEvent": ("ingest", INVALID),
    "DeleteEvents": ("ingest", INVALID),
    "AddSlackId": ("ingest", INVALID),
    "AddChangelogEntry": ("ingest", INVALID),
    "GetEvent": ("read", INVALID),
    "GetEventChangelog": ("read", INVALID),
    "GetEventStats": ("read", OK),
    "GetEventStatsByMonth": ("read", OK),
    "SearchEvents": ("read", OK),
    "ListEvents": ("read", OK),
    "TodayEvents": ("read", OK),
}


@pytest.fixture
async def access() -> AccessServer:
    server = AccessServer()
    server.now = NOW
    return server


@pytest.fixture
async def rpc(access: AccessServer) -> AsyncIterator[Rpc]:
    async with serving(MemoryTracker(), access.gate) as client:
        yield client


async def status(rpc: Rpc, method: str, **metadata: str) -> grpc.StatusCode:
    try:
        await rpc.call(method, **metadata)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return OK


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_is_for_who_has_its_scope_in_the_tenant(access: AccessServer, rpc: Rpc, method: str) -> None:
    scope, answer = METHODS[method]
    other = "read" if scope == "ingest" else "ingest"
    right, missing = f"Bearer {await access.issue(scope)}", f"Bearer {await access.issue(other)}"
    expired = f"Bearer {await access.issue(scope, expires=NOW)}"
    assert await status(rpc, method) is UNAUTHENTICATED
    assert await status(rpc, method, authorization="Bearer wrong") is UNAUTHENTICATED
    assert await status(rpc, method, authorization=expired) is UNAUTHENTICATED
    assert await status(rpc, method, authorization=missing) is DENIED
    assert await status(rpc, method, authorization=right, causeline_tenant=FOREIGN) is DENIED
    assert await status(rpc, method, authorization=right, causeline_tenant=TENANT) is answer
    assert await status(rpc, method, authorization=right) is answer


async def test_the_tenant_is_the_tokens(access: AccessServer, rpc: Rpc) -> None:
    mine = f"Bearer {await access.issue('ingest', 'read')}"
    foreign = f"Bearer {await access.issue('ingest', 'read', tenant=FOREIGN)}"
    event_id = (await rpc.call("CreateEvent", {"title": "t", "slack_id": "S"}, authorization=mine))["event"]["metadata"]["id"]
    assert (await rpc.call("ListEvents", authorization=mine))["totalCount"] == 1
    assert await rpc.call("ListEvents", authorization=foreign) == {}
    for body in ({"id": event_id}, {"slack_id": "S"}):
        with pytest.raises(grpc.RpcError) as refused:
            await rpc.call("DeleteEvents", body, authorization=foreign)
        assert refused.value.code() is NOT_FOUND
    for reference in (event_id, "S"):
        with pytest.raises(grpc.RpcError) as refused:
            await rpc.call("GetEvent", {"id": reference}, authorization=foreign)
        assert refused.value.code() is NOT_FOUND


async def test_the_challenge_comes_with_the_refusal(rpc: Rpc) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        await rpc.call("ListEvents")
    assert dict(refused.value.trailing_metadata())["www-authenticate"] == "Bearer"
