"""Bodies: read within a bound, a time and a sum over all connections, inflated within the bound, and only of media that a route speaks."""

import asyncio
import zlib
from collections.abc import AsyncIterable, Mapping
from typing import Any, Final

from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import RSGIProtocolClosed as ProtocolClosed

from causeline.schemas import telemetry
from causeline.schemas.web.errors import BodyTimeout, ClientGone, Malformed, Overloaded, TooLarge, UnsupportedMedia
from causeline.schemas.web.http import HttpRoute

_GZIP: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = 64 << 10
_MOST_MEMBERS: Final = 1_000
"""A tool that compresses in pieces makes one of each; an empty one is 20 bytes to send and 10 us to inflate."""


def media_type(route: HttpRoute, headers: Mapping[str, str]) -> str:
    """Return the body's media type without parameters, lower case. Raises UnsupportedMedia for one the route does not speak."""
    content_type = headers.get("content-type", "")
    if content_type in route.media:
        return content_type
    content_type = content_type.partition(";")[0].strip().lower()
    if not content_type:
        return route.media[0]
    if content_type not in route.media:
        # Also what `curl -d` sends where nothing is said: form data.
        raise UnsupportedMedia(
            f"the content type {content_type!r} is not one of {', '.join(route.media)}: send the header 'Content-Type: {route.media[0]}'",
            ("Accept", ", ".join(route.media)),
        )
    return content_type


def announced_length(headers: Mapping[str, str], limit: int) -> int | None:
    """Return the length that a body says it has, None where it says none. Raises TooLarge before a byte of it is read."""
    length = headers.get("content-length", "")
    if not length.isdigit():
        return None
    size = int(length)
    if size > limit:
        raise TooLarge(f"the body has {length} bytes, at most {limit} are accepted")
    return size


SMALL_BODY: Final = 16 << 10
"""A body up to this is read in one go and not counted: of 2,048 connections these are 32 MiB at most."""

MOST_HELD: Final = 64 << 20
"""Bytes of larger bodies that are not complete yet, over all connections. They count as they arrive, not as they are announced: who
only announces takes nothing away from others."""


class Patience:
    """Bounds how long tasks wait: between `begin` and `end` a task is cancelled after the time, or at most a quarter more.

    One timer looks after all tasks: `asyncio.timeout` makes one for each, which costs 5 µs of the 40 that a small request takes.
    """

    __slots__ = ("_late_tasks", "_seconds", "_since", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late_tasks: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: "asyncio.Task[Any]", loop: asyncio.AbstractEventLoop) -> None:
        """Watch a task of the loop from now on."""
        self._since[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)

    def end(self, task: "asyncio.Task[Any]") -> bool:
        """Watch it no more; return whether it was cancelled for its waiting, and for nothing else: then its cancellation is taken back."""
        self._since.pop(task, None)
        if task not in self._late_tasks:
            return False
        self._late_tasks.discard(task)
        return task.uncancel() <= 0

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        overdue = loop.time() - self._seconds
        while self._since:
            task, since = next(iter(self._since.items()))  # the oldest: a dictionary keeps the order of beginning
            if since > overdue:
                break
            del self._since[task]
            self._late_tasks.add(task)
            task.cancel()
        self._timer = loop.call_later(self._seconds / 4, self._look, loop) if self._since else None


class Bodies:
    """Reads the bodies of all connections."""

    def __init__(self, timeout_s: float, most: int = MOST_HELD) -> None:
        self._timeout_s = timeout_s
        self._patience = Patience(timeout_s)
        self._most = most
        self.bytes_held = 0
        telemetry.BODY_BYTES_HELD.set_function(lambda: self.bytes_held)

    async def read(self, protocol: HTTPProtocol, headers: Mapping[str, str], limit: int) -> bytes:
        """Return the whole body as it was sent. Raises TooLarge, BodyTimeout, ClientGone, or Overloaded beyond the sum."""
        size = announced_length(headers, limit)
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)  # without the loop it asks for it, which is a system call
        assert task is not None
        late = False
        self._patience.begin(task, loop)
        try:
            if size is not None and size <= SMALL_BODY:
                return await protocol()
            body = await self.gather(protocol, limit)
        except asyncio.CancelledError:
            late = self._patience.end(task)
            if not late:
                raise
        except ProtocolClosed as error:
            raise ClientGone("the connection ended before the body") from error
        finally:
            self._patience.end(task)
        if late:
            raise BodyTimeout(f"the body did not arrive within {self._timeout_s:g} s")
        if size is not None and len(body) != size:  # granian ends the chunks of a broken connection as if the body were whole
            raise ClientGone(f"the connection ended after {len(body)} of {headers['content-length']} bytes")
        return body

    async def gather(self, chunks: AsyncIterable[bytes], limit: int) -> bytes:
        """Return the body that comes in chunks. Raises TooLarge as soon as it passes the limit, Overloaded as all bodies pass theirs."""
        parts: list[bytes] = []
        size = 0
        try:
            async for chunk in chunks:
                length = len(chunk)
                size += length
                self.bytes_held += length
                if size > limit:
                    raise TooLarge(f"the body has more than {limit} bytes")
                if self.bytes_held > self._most:
                    raise Overloaded("too many bytes of bodies are being received")
                parts.append(bytes(chunk))
            return b"".join(parts)
        finally:
            self.bytes_held -= size


def inflate(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body without its content coding. Raises UnsupportedMedia, Malformed or TooLarge (a bomb stops at the limit)."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        raise UnsupportedMedia(f"the content coding {coding!r} is not gzip", ("Accept-Encoding", "gzip"))
    return _members(memoryview(body), limit)


def _members(body: memoryview, limit: int) -> bytes:
    """Return what the members of a gzip body hold, one after the other (RFC 1952, 2.2). What lies behind the last is no member: refused.

    A piece is given at a time, because what the inflater does not use of it is copied.
    """
    parts: list[bytes] = []
    size = at = 0
    for _ in range(_MOST_MEMBERS):
        inflater = zlib.decompressobj(_GZIP)
        while at < len(body) and not inflater.eof:
            piece = body[at : at + _PIECE]
            try:
                parts.append(inflater.decompress(piece, limit + 1 - size))
            except zlib.error as error:
                raise Malformed(f"the body is not gzip: {error}") from error
            size += len(parts[-1])
            if size > limit:
                raise TooLarge(f"the inflated body has more than {limit} bytes")
            at += len(piece) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
        if not inflater.eof:
            raise Malformed("the gzip body ends too early")
        if at == len(body):
            return b"".join(parts)
    raise Malformed(f"the gzip body has more than {_MOST_MEMBERS} members")
