"""Reading for a client that may leave: what nobody waits for any more is ended, so that its query frees its handle.

Only reads are ended so. A write goes on without its client: whether it became durable must not depend on who still listens.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from causeline.schemas.web.errors import ClientGone

_T = TypeVar("_T")

WATCH_AFTER_S: Final = 0.05
"""Most reads are answered before: they cost a timer (4 us measured, beside milliseconds) and no watching."""


class Connection(Protocol):
    """The side of granian's HTTP protocol that says when a client has left."""

    async def client_disconnect(self) -> None:
        """Return once the client has left."""
        ...


class _Watch:
    """Cancels a task when the client leaves, from `begin` to `end`."""

    def __init__(self, connection: Connection, task: "asyncio.Task[object]") -> None:
        self._connection = connection
        self._task = task
        self._leaving: asyncio.Future[None] | None = None
        self.is_gone = False

    def begin(self) -> None:
        self._leaving = asyncio.ensure_future(self._await_leaving())
        self._leaving.add_done_callback(self._cancel_task)

    def end(self) -> None:
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            leaving.cancel()

    async def _await_leaving(self) -> None:
        await self._connection.client_disconnect()

    def _cancel_task(self, leaving: "asyncio.Future[None]") -> None:
        # What cannot be watched is not ended: the answer shows then that nobody takes it.
        if not leaving.cancelled() and leaving.exception() is None and self._leaving is leaving:
            self.is_gone = True
            self._task.cancel()


async def while_client_stays(connection: Connection, reading: Awaitable[_T], after_s: float = WATCH_AFTER_S) -> _T:
    """Return what is read. Raises ClientGone, and cancels the reading, where its client leaves after `after_s`."""
    task = asyncio.current_task()
    assert task is not None
    watch = _Watch(connection, task)
    timer = asyncio.get_running_loop().call_later(after_s, watch.begin)
    try:
        return await reading
    except asyncio.CancelledError:
        if watch.is_gone and task.uncancel() <= 0:  # cancelled for this, and for nothing else
            raise ClientGone("the client left before its answer") from None
        raise
    finally:
        timer.cancel()
        watch.end()
