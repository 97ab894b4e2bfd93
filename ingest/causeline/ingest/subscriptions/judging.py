"""Bodies with templates are judged in threads, since a template is run for it: up to a second in which nobody else would be answered.

Two threads for a server and one for a tenant: whoever sends heavy ones waits for itself, and so many requests of a tenant at once that the
last one of them is answered within some ten seconds.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from causeline.schemas.web.errors import OverShare

_T = TypeVar("_T")

THREADS: Final = 2
MAX_WAITING: Final = 12
"""Requests of one tenant, the one under way too: 12 times 0.85 s, what the heaviest template was measured to take."""
_RETRY_S: Final = 5


class _Line:
    """The requests of one tenant."""

    def __init__(self) -> None:
        self.lock: Final = asyncio.Lock()
        self.length = 0


class Judging:
    """Runs what takes long and needs nobody: pure functions."""

    def __init__(self, threads: int = THREADS, waiting: int = MAX_WAITING) -> None:
        self._threads: Final = asyncio.Semaphore(threads)
        self._waiting = waiting
        self._lines: Final[WeakValueDictionary[str, _Line]] = WeakValueDictionary()

    async def run(self, tenant: str, judge: Callable[[], _T]) -> _T:
        """Return what `judge` returns, or raise what it raises, in a thread. Raises OverShare where the tenant has too many of them."""
        line = self._lines.get(tenant)
        if line is None:
            line = self._lines[tenant] = _Line()
        if line.length >= self._waiting:
            raise OverShare(f"{self._waiting} requests with templates of the tenant are looked at already", _RETRY_S)
        line.length += 1
        try:
            async with line.lock, self._threads:
                return await _to_the_end(asyncio.create_task(asyncio.to_thread(judge)))
        finally:
            line.length -= 1


async def _to_the_end(task: "asyncio.Task[_T]") -> _T:
    """Return the result; a caller that is cancelled waits all the same, since a thread goes on: its place is not free before it ends."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
