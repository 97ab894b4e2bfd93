"""The order in which the parts of a server begin and end: a stack of parts, each of which ends before what it needs.

    the log's end ─ clients ─ tools ─ tasks ─ sink ─ rankings ─ watches ─ flush ─ arming ─ ports        begins from left to right

The end is the other way around, so that what was accepted is finished: the ports take no new request and answer those under way, the log's
end waits for its appends, the sink for its insert. That is done where the server is asked to stop. Where a part fails, what stands behind
a `yield` without `finally` is left out: nothing is waited for, the tasks are cancelled, the clients are closed, and the process ends.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple, Protocol

from causeline.schemas.client_calls import run_task

DRAIN_S: Final = 15.0
"""How long requests that have begun may take to end."""

Job = Callable[[], Coroutine[Any, Any, None]]


class Startable(Protocol):
    """Begins to connect, and stops; `stop` does nothing where it was not started, or has stopped."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """End what `start` began."""


class Run(Protocol):
    """Works until stopped."""

    async def run(self) -> None:
        """Work until `stop`; end with what is under way."""

    def stop(self) -> None:
        """Ask `run_parts` to end."""


class HttpPort(Protocol):
    """The HTTP server."""

    async def serve(self) -> None:
        """Listen and answer until `stop`; return when the requests under way have their answers."""

    def stop(self) -> None:
        """Take no new connections."""


class Parts(NamedTuple):
    """What runs in one server."""

    log_end: Startable
    configuration: Startable
    health: Startable
    join_sink_group: Callable[[], Awaitable[None]]
    closings: Sequence[Callable[[], Awaitable[None]]]
    """What closes the clients, in order; each does nothing where its client has not connected."""
    tools: Callable[[], AbstractAsyncContextManager[None]]
    sink: Run
    publishing: Sequence[Run]
    """What publishes rankings, if this server does: it asks the store, and is told by the sink how far that is."""
    watches: Sequence[Job]
    """They run until they are cancelled, and keep nothing that has to be finished."""
    arming: Job
    end_streams: Callable[[], None]
    rpc_start: Callable[[], Awaitable[None]]
    rpc_stop: Callable[[float], Awaitable[None]]
    http: HttpPort
    listens: Callable[[], None]
    """Is told when both ports listen."""


async def run_parts(parts: Parts, stop: asyncio.Event) -> None:
    """Run the parts until `stop` is set or one of them fails. Raises what failed: while tasks run, in an ExceptionGroup."""
    async with AsyncExitStack() as stack:
        undo = await stack.enter_async_context(_appending(parts.log_end))
        await stack.enter_async_context(_clients(parts))
        await stack.enter_async_context(parts.tools())
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        answering = stack.enter_context(_answering(parts.http))
        for run in (parts.sink, *parts.publishing):
            await stack.enter_async_context(_stopped_at_the_end(tasks, run))
        for watch in parts.watches:
            stack.enter_context(_cancelled_at_the_end(tasks, watch))
        await stack.enter_async_context(_flush_at_end(parts.log_end))
        stack.enter_context(_cancelled_at_the_end(tasks, parts.arming))
        await stack.enter_async_context(_ports(tasks, parts, answering, stop))
        undo.pop_all()  # begun: from here on a failure ends at once, without the wait for appends that a stop takes
        parts.listens()
        await stop.wait()


@asynccontextmanager
async def _appending(log_end: Startable) -> AsyncIterator[AsyncExitStack]:
    """Begin to connect, while the others begin; give what stops it where one cannot begin. `_flush_at_end` stops it otherwise."""
    async with AsyncExitStack() as undo:
        undo.push_async_callback(log_end.stop)
        await log_end.start()
        yield undo


@asynccontextmanager
async def _clients(parts: Parts) -> AsyncIterator[None]:
    """Connect the clients; close them in an order of their own, each though another one failed to: nobody uses them any more."""
    async with AsyncExitStack() as closing:
        for close in reversed(parts.closings):
            closing.push_async_callback(close)
        await parts.configuration.start()
        await parts.health.start()
        await parts.join_sink_group()
        yield


class _Answering:
    """The HTTP server's task, once it has begun."""

    def __init__(self, http: HttpPort) -> None:
        self._http = http
        self._task: asyncio.Task[None] | None = None

    def begin(self, tasks: asyncio.TaskGroup, on_end: Callable[[], None]) -> None:
        self._task = tasks.create_task(run_task(self._http.serve))
        self._task.add_done_callback(lambda _: on_end())

    async def drain(self) -> None:
        self._http.stop()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=DRAIN_S)

    def cut(self) -> None:
        if self._task is not None:
            self._task.cancel()


@contextmanager
def _answering(http: HttpPort) -> Iterator[_Answering]:
    """Keep the server until the log and the sink have ended: a request that took longer than the drain gets their answer."""
    answering = _Answering(http)
    yield answering
    answering.cut()


@asynccontextmanager
async def _stopped_at_the_end(tasks: asyncio.TaskGroup, run: Run) -> AsyncIterator[None]:
    """Let it end with what is under way, such as the sink's insert, for which it needs its clients."""
    task = tasks.create_task(run_task(run.run))
    yield
    run.stop()
    await task


@contextmanager
def _cancelled_at_the_end(tasks: asyncio.TaskGroup, work: Job) -> Iterator[None]:
    task = tasks.create_task(run_task(work))
    yield
    task.cancel()


@asynccontextmanager
async def _flush_at_end(log_end: Startable) -> AsyncIterator[None]:
    """Put what was accepted on the log before the sink ends; nobody appends any more, neither a request nor the arming."""
    yield
    await log_end.stop()


@asynccontextmanager
async def _ports(tasks: asyncio.TaskGroup, parts: Parts, answering: _Answering, stop: asyncio.Event) -> AsyncIterator[None]:
    """Listen on both ports, and drain them side by side. Where HTTP ends by itself, the server stops."""
    await parts.rpc_start()
    try:
        answering.begin(tasks, stop.set)
        yield
    except BaseException:
        await parts.rpc_stop(0)
        raise
    parts.end_streams()  # first: the listener waits for answers that have begun, and these have no end of their own
    await asyncio.gather(answering.drain(), parts.rpc_stop(DRAIN_S))
