import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from granian.server.embed import Server

from causeline.deploy.embedded.free_ports import PortError
from causeline.deploy.server.http.listener import http_server, not_shared
from tests.ports import free_port


class Named:
    """An application that answers with its own name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __rsgi__(self, _scope: Any, protocol: Any) -> None:
        protocol.response_str(200, [], self.name)


async def ask(port: int) -> str:
    """Return what one new connection is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.rpartition(b"\r\n\r\n")[2].decode()


@contextlib.asynccontextmanager
async def listening(name: str, port: int) -> AsyncIterator[Server]:
    server = http_server(Named(name), "127.0.0.1", port, idle_ms=5_000, stall_ms=5_000)
    serving = asyncio.create_task(server.serve())
    try:
        yield server
    finally:
        server.stop()
        await asyncio.wait({serving}, timeout=10)


async def answers_of(port: int, expected: set[str]) -> None:
    """Return once every one of the servers, and nobody else, was met on the port. The kernel deals connections out by their source port."""
    met: set[str] = set()
    async with asyncio.timeout(20):
        while met != expected:
            with contextlib.suppress(OSError):
                met.add(await ask(port))
    assert met == expected


async def test_two_servers_behind_one_port_share_its_connections_and_one_serves_on_when_the_other_ends() -> None:
    port = free_port()
    async with listening("first", port):
        async with listening("second", port):
            await answers_of(port, {"first", "second"})
        assert {await ask(port) for _ in range(20)} == {"first"}


async def test_a_port_where_a_server_listens_is_not_shared_unless_that_is_meant() -> None:
    port = free_port()
    not_shared("127.0.0.1", port)
    async with listening("first", port):
        await answers_of(port, {"first"})
        with pytest.raises(PortError, match=rf"port {port} .*--reuse-port"):
            not_shared("127.0.0.1", port)
