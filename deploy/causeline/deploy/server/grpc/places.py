"""How much of the gRPC server one client can hold: messages that do not come, calls in work, and streams, each bounded by itself.

The order keeps places for those who use them. Credentials are in the metadata, so they are looked at before anything is held. A message
has a short time to arrive; where too many are waited for, the one that was waited for longest gives way, so opening calls shuts nobody
out. Only a call whose message is there takes a place among the calls in work. Streams (health, reflection) take from a bound of their own,
a few for one connection: whoever opens them by the hundred takes nothing from calls.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from causeline.schemas import telemetry
from causeline.schemas.web.errors import BodyTimeout, Overloaded, OverShare

MOST_PENDING: Final = 1_024
"""Calls whose message is waited for: some KiB each."""
MESSAGE_S: Final = 10.0
"""A message is one MiB at most: 1 Mbit/s is enough."""
MOST_CALLS: Final = 512
"""Calls in work at once; one more is RESOURCE_EXHAUSTED. A call of the largest message holds about 3 MiB: 1.5 GiB at most."""
MOST_STREAMS: Final = 128
MOST_STREAMS_OF_ONE: Final = 8
"""Of one connection: a client watches a service or two, and lists them now and then."""
MOST_STREAMS_A_CONNECTION: Final = 128
"""HTTP/2 streams of one connection, calls included; a client makes further calls wait."""
MOST_RPCS: Final = 4_096
"""What the library takes in at all. Never reached by what is bounded above; beyond it lies only what is being refused."""

_Message = TypeVar("_Message")


class Places:
    """The places of one server."""

    def __init__(
        self,
        *,
        message_s: float = MESSAGE_S,
        pending: int = MOST_PENDING,
        calls: int = MOST_CALLS,
        streams: int = MOST_STREAMS,
        streams_of_one: int = MOST_STREAMS_OF_ONE,
    ) -> None:
        self._message_s = message_s
        self._most_pending, self._most_calls = pending, calls
        self._most_streams, self._most_of_one = streams, streams_of_one
        self._pending: dict[asyncio.Timeout, None] = {}
        self._calls = 0
        self._streams: Counter[str] = Counter()

    async def message(self, arrives: Callable[[], Awaitable[_Message]]) -> _Message:
        """Return a message. Raises BodyTimeout where it does not come in time, or Overloaded where it gave way to others."""
        is_displaced = False
        waiting = asyncio.timeout(self._message_s)
        try:
            async with waiting:
                self._pending[waiting] = None
                if len(self._pending) > self._most_pending:
                    oldest = next(iter(self._pending))  # a dictionary keeps the order of beginning
                    oldest.reschedule(asyncio.get_running_loop().time())
                    del self._pending[oldest]
                return await arrives()
        except TimeoutError:
            is_displaced = waiting not in self._pending
        finally:
            self._pending.pop(waiting, None)
        if is_displaced:
            telemetry.REQUESTS_REFUSED.labels("grpc", "message_displaced").inc()
            raise Overloaded("too many calls are open whose message has not come")
        telemetry.REQUESTS_REFUSED.labels("grpc", "message_timeout").inc()
        raise BodyTimeout(f"the message did not arrive within {self._message_s:g} s")

    @contextmanager
    def call(self) -> Iterator[None]:
        """Hold a place among the calls in work. Raises OverShare where there is none."""
        if self._calls >= self._most_calls:
            telemetry.REQUESTS_REFUSED.labels("grpc", "too_many_calls").inc()
            raise OverShare(f"{self._most_calls} calls are in work already")
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    @contextmanager
    def stream(self, peer: str) -> Iterator[None]:
        """Hold a place of a connection among the streams. Raises OverShare where there is none."""
        if self._streams[peer] >= self._most_of_one or self._streams.total() >= self._most_streams:
            telemetry.REQUESTS_REFUSED.labels("grpc", "too_many_streams").inc()
            raise OverShare(f"at most {self._most_of_one} streams of one connection and {self._most_streams} in all are served")
        self._streams[peer] += 1
        try:
            yield
        finally:
            self._streams[peer] -= 1
            if not self._streams[peer]:
                del self._streams[peer]
