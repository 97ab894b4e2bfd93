from collections.abc import AsyncIterator

import pytest

from tests.tracker_server import MemoryTracker, serving
from tests.tracker_transports import OverGrpc, Rest, Transport


@pytest.fixture(params=["rest", "grpc"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    if request.param == "rest":
        yield Rest()
        return
    async with serving(MemoryTracker()) as rpc:
        yield OverGrpc(rpc)
