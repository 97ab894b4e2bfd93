"""`causeline mcp`: the tools of a running server over standard input and output, for programs that start their MCP servers themselves.

It passes calls on to the server's `/mcp` and holds neither tools nor data: what a model sees is decided in one place, by the server that
the token belongs to, and this program needs no update with it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import httpx
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import McpError

_TIMEOUT_S: Final = 30.0


class ServerUnreachable(Exception):
    """The server cannot be reached, or refuses the token; the message says which."""


def run_bridge(url: str, token: str, tenant: str) -> None:
    """Serve standard input until it ends. Raises ServerUnreachable where no server answers at `url` or it refuses the token."""
    asyncio.run(_run(f"{url.rstrip('/')}/mcp", _headers(token, tenant)))


def _headers(token: str, tenant: str) -> dict[str, str]:
    fields = {"Authorization": f"Bearer {token}" if token else "", "Causeline-Tenant": tenant}
    return {name: value for name, value in fields.items() if value}


async def _run(url: str, headers: Mapping[str, str]) -> None:
    await _probe(url, headers)
    async with _connect(url, headers) as (_, result):
        instructions = result.instructions
    await _serve(url, headers, instructions)


@asynccontextmanager
async def _connect(url: str, headers: Mapping[str, str]) -> AsyncIterator[tuple[ClientSession, types.InitializeResult]]:
    """Connect for one call. The server keeps no sessions, and a connection that outlives a call would die with the server's restart.

    Raises ServerUnreachable where the call gets no answer.
    """
    try:
        async with (
            httpx.AsyncClient(headers=headers, timeout=_TIMEOUT_S) as http,
            streamable_http_client(url, http_client=http) as (read, write, _),
            ClientSession(read, write) as remote,
        ):
            yield remote, await remote.initialize()
    except (ExceptionGroup, httpx.HTTPError, McpError) as error:
        raise ServerUnreachable(f"no answer from {url}: {_causes(error)}") from error


async def _probe(url: str, headers: Mapping[str, str]) -> None:
    """Find out what is wrong before the client program is told anything: the SDK's client shows a refusal as a broken stream."""
    ping = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    try:
        async with httpx.AsyncClient(headers={**headers, **accept}, timeout=_TIMEOUT_S) as http:
            answer = await http.post(url, json=ping)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ServerUnreachable(f"no server answers at {url}: {error or type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise ServerUnreachable(f"{url} answers {answer.status_code} {answer.reason_phrase}: {answer.text[:300]}")


async def _serve(url: str, headers: Mapping[str, str], instructions: str | None) -> None:
    server: Server[Any, Any] = Server("causeline", version("causeline"), instructions)

    async def tools() -> list[types.Tool]:
        async with _connect(url, headers) as (remote, _):
            return (await remote.list_tools()).tools

    async def call(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=name, arguments=arguments))
        async with _connect(url, headers) as (remote, _):
            return await remote.send_request(types.ClientRequest(request), types.CallToolResult)

    # The SDK's decorators carry no types.
    server.list_tools()(tools)  # type: ignore[no-untyped-call]
    server.call_tool(validate_input=False)(call)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _causes(error: BaseException) -> str:
    """Return what went wrong in the tasks of a group, without the group."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_causes(one) for one in error.exceptions)
    return str(error) or type(error).__name__
