"""One client that follows the log: its queue, its heartbeat, its end."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Final

from causeline.query_api.live import sse
from causeline.query_api.live.catching_up import CatchUp
from causeline.query_api.live.messages import StreamMessage
from causeline.query_api.live.positions import format_positions
from causeline.query_api.live.question import StreamFilter
from causeline.query_api.live.tail import LiveTail
from causeline.schemas import telemetry
from causeline.schemas.web.body_stream import EndReason
from causeline.schemas.web.errors import Unavailable

CHUNK: Final = 64 << 10
"""Bytes from which on no further message is put into a chunk: one system call for many small messages."""


_SHARE: Final = 8


class Room:
    """How many bytes may wait for one client, and for all of a server together: where all is used up, an eighth for each is left.

    A burst of one tenant's fleet then does not cost its clients their connections, and many slow clients not the server its memory.
    A message counts in every queue that it waits in.
    """

    def __init__(self, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self.queued_bytes = 0

    @property
    def each(self) -> int:
        """How much may wait for one client now."""
        return self._each if self.queued_bytes < self._together else self._each // _SHARE


class Stream:
    """A BodyStream and a Follower. `is_admitted` says whether its caller may still read, `clock` tells seconds that never go back.

    A message is let into the queue while there is room, however large it is, so at most one lies beyond the bound: a small bound would
    otherwise keep large events out for ever.
    """

    def __init__(
        self,
        where: StreamFilter,
        live: LiveTail,
        is_admitted: Callable[[], bool],
        clock: Callable[[], float],
        *,
        room: Room,
        heartbeat_s: float,
    ) -> None:
        self._where = where
        self._live = live
        self._is_admitted = is_admitted
        self._clock = clock
        self._room = room
        self._heartbeat_s = heartbeat_s
        self._queue: deque[StreamMessage] = deque()
        self._queue_bytes = 0
        self._wake: Final = asyncio.Event()
        self._end_reason: EndReason | None = None
        self._closing: list[Callable[[], object]] = []
        self.opening: list[StreamMessage] = []
        self.catch_up: CatchUp | None = None
        self.place = ""

    @property
    def where(self) -> StreamFilter:
        """See Follower."""
        return self._where

    @property
    def is_crowded(self) -> bool:
        """See Follower."""
        return self._queue_bytes * 2 >= self._room.each and self._end_reason is None

    @property
    def ended(self) -> EndReason | None:
        """See BodyStream."""
        return self._end_reason

    def push(self, message: StreamMessage) -> None:
        """See Follower."""
        if self._end_reason is not None:
            return
        if self._queue_bytes >= self._room.each:
            self.end("slow")
            return
        self._queue.append(message)
        self._queue_bytes += len(message.data)
        self._room.queued_bytes += len(message.data)
        self._wake.set()

    def end(self, reason: EndReason) -> None:
        """See BodyStream."""
        if self._end_reason is None:
            self._end_reason = reason
            telemetry.STREAMS_ENDED.labels(reason).inc()
            self._wake.set()

    def on_close(self, call: Callable[[], object]) -> None:
        """Call something once when the stream is closed."""
        self._closing.append(call)

    async def close(self) -> None:
        """See BodyStream."""
        self.end("failed")
        self._live.detach(self)
        self._queue.clear()
        self._room.queued_bytes -= self._queue_bytes
        self._queue_bytes = 0
        await self._end_catch_up()
        calls, self._closing = self._closing, []
        for call in calls:
            call()

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """See BodyStream."""
        yield sse.beginning(self.place)
        if self.opening:
            yield _chunk(self.opening)
        try:
            async with aclosing(self._past()) as past:
                async for chunk in past:
                    yield chunk
            async with aclosing(self._present()) as present:
                async for chunk in present:
                    yield chunk
        except Unavailable:
            self.end("failed")

    async def _past(self) -> AsyncGenerator[bytes, None]:
        if self.catch_up is None:
            return
        sent_at = self._clock()
        async with aclosing(self.catch_up.rounds(self)) as rounds:
            async for messages in rounds:
                if self._end_reason is not None:
                    return
                if messages:
                    yield _chunk(messages)
                elif self._clock() - sent_at < self._heartbeat_s:
                    continue
                elif self._still_admitted():
                    yield sse.heartbeat(format_positions(self.catch_up.place, self._where.topics))
                sent_at = self._clock()
        await self._end_catch_up()

    async def _present(self) -> AsyncGenerator[bytes, None]:
        checked_at = self._clock()
        while self._end_reason is None:
            if self._queue:
                yield self._take()
                due = self._clock() - checked_at >= self._heartbeat_s
            else:
                due = not await self._wait_for_message()
            if due:
                checked_at = self._clock()
                if self._still_admitted() and not self._queue:
                    # Nothing waits, so all that the live tail has passed and that is for this client was sent.
                    yield sse.heartbeat(format_positions(self._live.positions, self._where.topics))

    async def _wait_for_message(self) -> bool:
        """Wait for a message or the end; return whether one came before a heartbeat is due."""
        self._wake.clear()
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await self._wake.wait()
        except TimeoutError:
            return bool(self._queue)
        return True

    def _take(self) -> bytes:
        messages: list[StreamMessage] = []
        size = 0
        while self._queue and size < CHUNK:
            messages.append(self._queue.popleft())
            size += len(messages[-1].data)
        self._queue_bytes -= size
        self._room.queued_bytes -= size
        self._live.signal_room()
        return _chunk(messages)

    def _still_admitted(self) -> bool:
        if not self._is_admitted():
            self.end("refused")
        return self._end_reason is None

    async def _end_catch_up(self) -> None:
        catch_up, self.catch_up = self.catch_up, None
        if catch_up is not None:
            await catch_up.close()


def _chunk(messages: Iterable[StreamMessage]) -> bytes:
    """Return the bytes of messages that go out now, and count them: once a chunk, since a labelled metric costs more than a message."""
    batch = list(messages)
    for kind, count in Counter(message.kind for message in batch).items():
        telemetry.STREAM_MESSAGES.labels(kind).inc(count)
    return b"".join(message.data for message in batch)
