"""A client that leaves while its query runs frees what the query holds; a write goes on without its client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from causeline.deploy.access.access import Gate
from causeline.deploy.server.door import Door
from causeline.deploy.server.http.bodies import Bodies
from causeline.deploy.server.http.leaving import WATCH_AFTER_S, while_client_stays
from causeline.deploy.server.http.listener import http_server
from causeline.deploy.server.http.shell import Shell
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.routing import RouteTable
from causeline.deploy.server.workload import Workload
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer, ClientGone
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute
from tests import patience
from tests.ports import free_port


class Slow:
    """A handler that holds something until it may answer: what became of every call is told by its method."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.begun: list[str] = []
        self.ended: dict[str, str] = {}

    async def handle(self, request: HttpRequest) -> Answer:
        self.begun.append(request.method)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.ended[request.method] = "cancelled"
            raise
        self.ended[request.method] = "answered"
        return Answer(200, {}, b"done")


@asynccontextmanager
async def serving(slow: Slow) -> AsyncIterator[int]:
    """Serve the handler on a port of loopback."""
    port = free_port()
    routes = [
        HttpRoute("GET", "/v1/slow", NATIVE, slow.handle),
        HttpRoute("POST", "/v1/slow", NATIVE, slow.handle, media=JSON_MEDIA),
    ]
    shell = Shell(RouteTable(routes), lambda: 0, Gate(None), Door(Workload(5.0), Quotas(0, {})), Bodies(5.0))
    server = http_server(shell, "127.0.0.1", port, idle_ms=30_000, stall_ms=30_000)
    running = asyncio.create_task(server.serve())
    try:
        yield port
    finally:
        slow.may_answer.set()
        server.stop()
        await asyncio.wait({running}, timeout=10)


async def ask(port: int, method: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request as soon as the server listens."""
    async with asyncio.timeout(patience.SECONDS):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await patience.turn()
    body = "" if method in {"GET", "HEAD"} else "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    writer.write(f"{method} /v1/slow HTTP/1.1\r\nHost: x\r\n{body or chr(13) + chr(10)}".encode())
    return reader, writer


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("way", ["closes", "breaks off"])
async def test_a_read_whose_client_leaves_is_ended(method: str, way: str) -> None:
    slow = Slow()
    async with serving(slow) as port:
        _, writer = await ask(port, method)
        await patience.holds(lambda: slow.begun)
        if way == "closes":
            writer.close()
        else:
            writer.transport.abort()
        await patience.holds(lambda: slow.ended)
        assert slow.ended == {method: "cancelled"}


async def test_a_write_goes_on_without_its_client() -> None:
    slow = Slow()
    async with serving(slow) as port:
        for method in ("POST", "GET"):
            _, writer = await ask(port, method)
            await patience.holds(partial(slow.begun.__contains__, method))
            writer.close()
        await patience.holds(lambda: slow.ended)
        assert slow.ended == {"GET": "cancelled"}
        slow.may_answer.set()
        await patience.holds(lambda: "POST" in slow.ended)
        assert slow.ended["POST"] == "answered"


async def test_a_client_that_stays_is_answered_and_asks_again_on_its_connection() -> None:
    slow = Slow()
    async with serving(slow) as port:
        reader, writer = await ask(port, "GET")
        await patience.holds(lambda: slow.begun)
        await patience.lasting(WATCH_AFTER_S * 2, "until the client is watched")
        slow.may_answer.set()
        for _ in range(2):
            async with asyncio.timeout(patience.SECONDS):
                assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
            writer.write(b"GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.close()


class Client:
    """A connection whose client leaves when a test says so."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.watched = 0

    async def client_disconnect(self) -> None:
        self.watched += 1
        await self.left.wait()
        self.watched -= 1


async def _answer(after: asyncio.Event | None = None) -> str:
    if after is not None:
        await after.wait()
    return "answer"


async def test_a_fast_read_is_not_watched() -> None:
    client = Client()
    client.left.set()
    assert await while_client_stays(client, _answer()) == "answer"
    assert client.watched == 0


async def test_a_read_that_is_cancelled_by_somebody_else_is_not_taken_for_one_whose_client_left() -> None:
    client = Client()
    reading = asyncio.create_task(while_client_stays(client, _answer(asyncio.Event()), after_s=0))
    await patience.holds(lambda: client.watched)
    client.left.set()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_read_whose_client_left_ends_as_that_and_leaves_its_task_usable() -> None:
    client = Client()

    async def request() -> str:
        with pytest.raises(ClientGone):
            await while_client_stays(client, _answer(asyncio.Event()), after_s=0)
        await patience.turn()
        task = asyncio.current_task()
        assert task is not None
        return f"cancelling {task.cancelling()}"

    serving = asyncio.create_task(request())
    await patience.holds(lambda: client.watched)
    client.left.set()
    assert await serving == "cancelling 0"


async def test_what_cannot_be_watched_is_not_ended() -> None:
    class Broken(Client):
        async def client_disconnect(self) -> None:
            self.watched += 1
            raise RuntimeError("closed")

    client, may_answer = Broken(), asyncio.Event()
    reading = asyncio.create_task(while_client_stays(client, _answer(may_answer), after_s=0))
    await patience.holds(lambda: client.watched)
    await patience.turn(3)
    may_answer.set()
    assert await reading == "answer"
