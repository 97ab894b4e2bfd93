"""Connections kept open between requests, by where they lead.

httpcore's pool walks over all its connections and waiting requests at the beginning and end of every request: with hundreds under way
a request costs milliseconds (docs/measurements.md has the figures). So each connection is a pool of its own, of one, and which one is
taken is a look-up.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import httpx

Origin = tuple[str, str, int | None]
"""Scheme, host, port."""

IDLE_S: Final = 30.0
_EACH: Final = 128
"""Idle connections to one origin: many subscriptions may lead to one gateway (Slack), each with a window of its own."""


class _Idle(NamedTuple):
    transport: httpx.AsyncBaseTransport
    since: float


class ConnectionPool:
    """Lends connections; `make` makes a new one of a scheme, `most` bounds those that are idle."""

    def __init__(self, make: Callable[[str], httpx.AsyncBaseTransport], *, most: int) -> None:
        self._make = make
        self._most = most
        self._idle: dict[Origin, list[_Idle]] = {}
        self._count = 0

    @asynccontextmanager
    async def lend(self, origin: Origin) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """Give a connection for one request: the one used last, else a new one. After an exception it is closed."""
        transport = self._take(origin) or self._make(origin[0])
        try:
            yield transport
        except BaseException:
            await transport.aclose()
            raise
        await self._give_back(origin, transport)

    def _take(self, origin: Origin) -> httpx.AsyncBaseTransport | None:
        idles = self._idle.get(origin)
        if not idles:
            return None
        self._count -= 1
        return idles.pop().transport

    async def _give_back(self, origin: Origin, transport: httpx.AsyncBaseTransport) -> None:
        idles = self._idle.pop(origin, [])
        self._idle[origin] = idles  # last: the first origins are those that were not used for longest
        idles.append(_Idle(transport, time.monotonic()))
        self._count += 1
        surplus = [idles.pop(0)] if len(idles) > _EACH else []
        self._count -= len(surplus)
        surplus += self._take_oldest()
        for idle in surplus:
            await idle.transport.aclose()

    def _take_oldest(self) -> list[_Idle]:
        """Take out what is idle for too long, or too many, of the origin that was not used for longest."""
        first = next(iter(self._idle))
        idles = self._idle[first]
        keep = [idle for idle in idles if time.monotonic() - idle.since < IDLE_S] if self._count <= self._most else []
        surplus = [idle for idle in idles if idle not in keep]
        self._count -= len(surplus)
        if keep:
            self._idle[first] = keep
        else:
            del self._idle[first]
        return surplus

    async def close(self) -> None:
        """Close what is idle."""
        by_origin, self._idle, self._count = self._idle, {}, 0
        for idles in by_origin.values():
            for idle in idles:
                await idle.transport.aclose()
