"""Calls of a client that end in a CancelledError which nobody asked for.

aiokafka (0.14) cancels futures and tasks of its own when a broker goes away or it is closed, and lets the CancelledError out of the call.
That passes every `except Exception`, and a TaskGroup takes a task that ends so for one that was cancelled: the work is over, and nobody
misses it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")


class ClientCancelled(ConnectionError):
    """The client gave up its own call."""


async def await_call(call: Awaitable[_T]) -> _T:
    """Return what a call returns. Raises ClientCancelled where it is cancelled though nobody cancelled this task."""
    try:
        return await call
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ClientCancelled("the client cancelled its own call") from error


async def close_within(seconds: float, *closings: Awaitable[object]) -> None:
    """Close clients, all at once and in bounded time. Whatever they raise: what cannot be closed, or not in time, is gone already."""
    tasks = [asyncio.ensure_future(closing) for closing in closings]
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    for task in tasks:
        task.add_done_callback(_forget)


def _forget(closing: "asyncio.Future[object]") -> None:
    if not closing.cancelled():
        closing.exception()  # looked at, so that asyncio does not report it as lost


async def run_task(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work of a task, from its first turn on. Raises ClientCancelled where it would end as if somebody had cancelled the task."""
    await await_call(work())
