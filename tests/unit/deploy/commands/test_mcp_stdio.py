"""`causeline mcp` beside servers that are not there, refuse, or go away."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from causeline.deploy.adapters import mcp_bridge
from causeline.deploy.embedded.free_ports import free_port

INITIALIZED = (
    b'{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"x","version":"1"}}}'
)


@asynccontextmanager
async def answering(status: bytes, body: bytes) -> AsyncIterator[tuple[asyncio.Server, str]]:
    """A server that gives one answer to everything."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1 << 16):
            head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            writer.write(head % (status, len(body)) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(mcp_bridge.ServerUnreachable, match="no server answers at"):
        mcp_bridge.run_bridge(f"http://127.0.0.1:{free_port()}", "", "")


async def test_a_refused_token_is_said_and_not_shown() -> None:
    async with answering(b"401 Unauthorized", b'{"detail":"the token is not valid"}') as (_, url):
        with pytest.raises(mcp_bridge.ServerUnreachable, match=r"401 Unauthorized.*the token is not valid") as refused:
            await asyncio.to_thread(mcp_bridge.run_bridge, url, "clt_secret", "")
        assert "clt_secret" not in str(refused.value)


async def test_a_server_that_goes_away_fails_the_call_and_not_the_client() -> None:
    async with answering(b"200 OK", INITIALIZED) as (server, url):
        command = StdioServerParameters(command=str(Path(sys.executable).with_name("causeline")), args=["mcp", "--url", url])
        async with stdio_client(command) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            server.close()
            for _ in range(2):
                failed = await session.call_tool("list_problems", {})
                assert failed.isError
                (content,) = failed.content
                assert content.type == "text"
                assert content.text.startswith(f"no answer from {url}/mcp: ")
