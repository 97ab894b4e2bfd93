"""Who is refused before the body was read may ask again on the same connection, or is told that it ends.

A client keeps its connections and writes a header and a body apart: a server that closes one without a word ends a request that nobody
has read, and a client that must not write twice cannot send it again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from causeline.deploy.access.access import Gate
from causeline.deploy.server.door import Door
from causeline.deploy.server.http.bodies import SMALL_BODY, Bodies
from causeline.deploy.server.http.listener import http_server
from causeline.deploy.server.http.shell import Shell
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.routing import RouteTable
from causeline.deploy.server.workload import Workload
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute
from tests import patience
from tests.ports import free_port

MIB = 1 << 20


async def taken(request: HttpRequest) -> Answer:
    return Answer(200, {}, b"taken" if request.method == "POST" else b"read")


@asynccontextmanager
async def connection(body_timeout_s: float = 30.0) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    port = free_port()
    routes = [HttpRoute("GET", "/v1/here", NATIVE, taken), HttpRoute("POST", "/v1/here", NATIVE, taken, media=JSON_MEDIA, max_body=MIB)]
    shell = Shell(RouteTable(routes), lambda: 0, Gate(None), Door(Workload(5.0), Quotas(0, {})), Bodies(body_timeout_s))
    server = http_server(shell, "127.0.0.1", port, idle_ms=60_000, stall_ms=60_000)
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(patience.SECONDS):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await patience.turn()
        yield reader, writer
        writer.close()
    finally:
        server.stop()
        await running


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.rstrip().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), fields, await reader.readexactly(int(fields.get("content-length", 0)))


def head_of(method: str, path: str, length: int, *fields: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *fields, "", "")).encode()


REFUSED = {
    "no such path": ("POST", "/v1/nowhere", ()),
    "no such method": ("PUT", "/v1/here", ()),
    "a header twice": ("POST", "/v1/here", ("Host: y",)),
    "a tenant that is none": ("POST", "/v1/here", ("Causeline-Tenant: no such name",)),
    "another media type": ("POST", "/v1/here", ("Content-Type: text/csv",)),
    "a read with a body": ("GET", "/v1/here", ()),
}


@pytest.mark.parametrize("lag_s", [0.0, 0.2], ids=["at once", "late"])
@pytest.mark.parametrize("length", [2, SMALL_BODY, SMALL_BODY + 1, MIB, 2 * MIB])
@pytest.mark.parametrize("refused", REFUSED)
async def test_whose_body_was_not_read_is_served_next_or_told_that_the_connection_ends(refused: str, length: int, lag_s: float) -> None:
    method, path, fields = REFUSED[refused]
    async with connection() as (reader, writer), asyncio.timeout(patience.SECONDS):
        writer.write(head_of(method, path, length, *fields))
        await writer.drain()
        await patience.lasting(lag_s, "the body comes after the answer")
        writer.write(b" " * length)
        status, told, _ = await answer_of(reader)
        assert (status >= 400) == (refused != "a read with a body")
        if told.get("connection") == "close":
            return
        await writer.drain()
        writer.write(head_of("GET", "/v1/here", 0))
        assert (await answer_of(reader))[::2] == (200, b"read"), "the connection ended without a word"
