"""A streamed answer: chunks go out as fast as the client takes them, and a client that takes too little is cut.

At most a window's worth of bytes is under way to a client; the next chunk is asked for when it has acknowledged enough. So what a slow
client does not take waits in the stream's own bounded queue, where it is counted, and not in the server's.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final, cast

import structlog
from granian._granian import RSGIHTTPProtocol as HTTPProtocol
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from granian.rsgi import Scope

from causeline.deploy.server.http.peer import Peer, peer_of
from causeline.schemas.web.body_stream import BodyStream
from causeline.schemas.web.errors import Answer

_log = structlog.get_logger(__name__)

WINDOW: Final = 256 << 10
"""Bytes under way to one client: 5 MB/s over a line of 50 ms, and 50 MiB for 200 clients."""
STALL_S: Final = 30.0
_FRAME: Final = len("\r\n\r\n")
"""What HTTP/1.1 puts around a chunk beside its length; counted, or it would add up to a window after 40 MB of small messages."""
_LOOK_S: Final = 0.01
_LONGEST_LOOK_S: Final = 0.2


async def respond(protocol: HTTPProtocol, scope: Scope, result: Answer, stall_s: float) -> None:
    """Send a streamed answer until it ends; a client that takes nothing of what waits for it is cut after half of `stall_s`.

    After the whole the kernel cuts it (see `listener.py`), and then nobody could tell it from one that left.
    """
    stream = result.stream
    assert stream is not None
    peer = peer_of(scope.client, scope.server)
    leaving = asyncio.ensure_future(_await_disconnect(protocol))
    leaving.add_done_callback(lambda _: stream.end("client_gone"))
    try:
        transport = protocol.response_stream(result.status, list(result.headers.items()))
        await _send(transport, stream, _Line(peer, stall_s / 2), is_chunked=scope.http_version != "1")
    except ProtocolClosed:
        stream.end("client_gone")
    except Exception:  # noqa: BLE001 - a bug in a stream ends it, and nothing else
        _log.exception("stream failed", path=scope.path)
        stream.end("failed")
    finally:
        if stream.ended == "slow":
            peer.cut()  # else what waits would be kept until the client takes it
        peer.close()
        leaving.cancel()
        await stream.close()
        _log.debug("stream ended", path=scope.path, reason=stream.ended)


async def _await_disconnect(protocol: HTTPProtocol) -> None:
    await protocol.client_disconnect()


async def _send(transport: Any, stream: BodyStream, line: "_Line", *, is_chunked: bool) -> None:
    async with aclosing(cast("AsyncGenerator[bytes, None]", aiter(stream))) as chunks:
        async for chunk in chunks:
            await transport.send_bytes(chunk)
            line.bytes_sent += len(chunk) + (len(f"{len(chunk):x}") + _FRAME if is_chunked else 0)
            if not await line.has_room(stream):
                stream.end("slow")
                return


class _Line:
    """How much is under way to a client."""

    def __init__(self, peer: Peer, stall_s: float) -> None:
        self._peer = peer
        self._stall_s = stall_s
        self._before = peer.count_acknowledged()
        self.bytes_sent = 0

    async def has_room(self, stream: BodyStream) -> bool:
        """Wait until the window has room or the stream has ended; False where the client took nothing for too long."""
        loop = asyncio.get_running_loop()
        bytes_taken = self._count_taken()
        since, pause = loop.time(), _LOOK_S
        while self.bytes_sent - bytes_taken > WINDOW and stream.ended is None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_LOOK_S)
            now = self._count_taken()
            if now > bytes_taken:
                bytes_taken, since = now, loop.time()
            elif loop.time() - since > self._stall_s:
                return False
        return True

    def _count_taken(self) -> int:
        """Return how many bytes of the stream the client has taken, and of the head, some 200."""
        now = self._peer.count_acknowledged()
        return self.bytes_sent if now is None or self._before is None else now - self._before
