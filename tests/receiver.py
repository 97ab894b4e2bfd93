"""An endpoint that webhooks are delivered to: a real HTTP/1.1 server on a thread of its own, which answers as badly as it is told.

Every request is noted when its body is whole, before it is answered, in the order of arrival. What is noted as `status` is what the caller
could learn: 0 where it never got an answer. Each path answers by its own list, whose last entry repeats.
"""

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar

from tests import patience

_T = TypeVar("_T")
_START_S: Final = 60.0
_HEADERS_LIMIT: Final = 1 << 16


class Status(NamedTuple):
    """A whole answer. A redirect is `Status(307, {"Location": …})`, a limit `Status(429, {"Retry-After": "2"})`."""

    code: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Hang(NamedTuple):
    """Take the request and say nothing, until the caller goes away."""


class Drip(NamedTuple):
    """Begin an answer of 200 and send a byte of it every `seconds`, for ever."""

    seconds: float = 0.2


class Cut(NamedTuple):
    """Take the request and close the connection without an answer."""


Behaviour = Status | Hang | Drip | Cut
OK: Final = Status(200)


class Received(NamedTuple):
    """One request. `at` is the monotonic time at which its body was whole; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    status: int

    @property
    def webhook_id(self) -> str:
        """The id of the delivery (Standard Webhooks)."""
        return self.headers.get("webhook-id", "")

    @property
    def is_taken(self) -> bool:
        """Whether the endpoint said yes to it."""
        return 200 <= self.status < 300


class Receiver:
    """Listens on a port (0: a free one) of a loopback address that it keeps, also while it is down; `connections` were accepted."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0, host: str = "127.0.0.1") -> None:
        self._host: Final = host
        self._loop: Final = asyncio.new_event_loop()
        self._thread: Final = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)
        self._lock: Final = threading.Condition()
        self._requests: list[Received] = []
        self._behaviours: dict[str, list[Behaviour]] = {}
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._tls = tls
        self.port = port
        self.connections = 0

    def start(self) -> "Receiver":
        """Begin to listen."""
        self._thread.start()
        self.up()
        return self

    def close(self) -> None:
        """Stop listening and end the thread."""
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()

    def url(self, path: str, scheme: str = "http", host: str = "") -> str:
        """Return the address of a path; `host` is another name of this machine."""
        return f"{scheme}://{host or self._host}:{self.port}{path}"

    def answer(self, path: str, *behaviours: Behaviour) -> None:
        """Answer requests to a path by these in turn, and by the last one from then on; without any, by 200."""
        with self._lock:
            self._behaviours[path] = list(behaviours)

    def down(self) -> None:
        """Close the port and every connection: callers are refused."""
        self._do(self._down())

    def up(self) -> None:
        """Open the port again."""
        self._do(self._up())

    def cut(self) -> None:
        """Close every connection, as a server does that was idle for long enough."""
        self._do(self._cut())

    @contextmanager
    def away(self) -> Iterator[None]:
        """Be down for the length of a with block."""
        self.down()
        try:
            yield
        finally:
            self.up()

    def requests(self, path: str = "") -> list[Received]:
        """Return the requests (to a path) in the order of arrival."""
        with self._lock:
            return [each for each in self._requests if path in ("", each.path)]

    def taken_requests(self, path: str = "") -> list[Received]:
        """Return those that were answered by 2xx."""
        return [each for each in self.requests(path) if each.is_taken]

    def until(self, path: str, count: int, seconds: float = 30.0) -> list[Received]:
        """Wait until a path was asked so often, and return its requests. Raises AssertionError."""
        with self._lock:
            came = self._lock.wait_for(lambda: len(self.requests(path)) >= count, seconds)
            requests = self.requests(path)
        assert came, f"{len(requests)} of {count} at {path}"
        return requests

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)

    async def _up(self) -> None:
        self._server = await asyncio.start_server(self._serve, self._host, self.port, ssl=self._tls, limit=_HEADERS_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._cut()
        with contextlib.suppress(TimeoutError):
            # Also those that never came to `_serve`, of a failed handshake for one. `Server.wait_closed` of 3.11 does not wait for any.
            await patience.holds(lambda: not getattr(server, "_active_count", 0), seconds=_START_S)

    async def _cut(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1].partition("?")[0]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        behaviour = self._note(path, headers, body)
        match behaviour:
            case Status(code, fields, content):
                answer_fields = {**fields, "Content-Length": str(len(content))}
                lines = [f"HTTP/1.1 {code} Told", *(f"{name}: {value}" for name, value in answer_fields.items()), "", ""]
                writer.write("\r\n".join(lines).encode() + content)
                await writer.drain()
                return True
            case Hang():
                await reader.read(1)
            case Drip(seconds):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not reader.at_eof():
                    writer.write(b".")
                    await writer.drain()
                    await patience.lasting(seconds, "between two drops")
            case Cut():
                pass
        return False

    def _note(self, path: str, headers: Mapping[str, str], body: bytes) -> Behaviour:
        with self._lock:
            behaviours = self._behaviours.get(path) or [OK]
            behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
            status = behaviour.code if isinstance(behaviour, Status) else 0
            self._requests.append(Received(path, headers, body, time.monotonic(), status))
            self._lock.notify_all()
        return behaviour


@contextmanager
def receiving(tls: ssl.SSLContext | None = None, port: int = 0, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run a receiver for the length of a with block."""
    receiver = Receiver(tls, port, host).start()
    try:
        yield receiver
    finally:
        receiver.close()


def in_turn(behaviour: Behaviour, times: int) -> Sequence[Behaviour]:
    """Return what answers so often in one way, then by 200."""
    return [*[behaviour] * times, OK]
