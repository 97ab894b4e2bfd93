"""Handles on ClickHouse: each a client on a thread of its own, given back when its question is answered, and given up when it is not.

The client is synchronous, and the store may keep a thread for ever: a machine that is frozen, an engine that waits for itself. What waits
behind such a handle are the questions of others, so one that is overdue is given up, and another one takes its place. How many are away at
once is bounded, because what the engine holds for them cannot be seen from here; beyond that the place stays taken, and where all are,
`is_stuck` says so. A thread that comes back after all closes its client and ends.

The threads are daemons: one that hangs keeps no process from ending.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import structlog

from causeline.schemas.telemetry import QUERY_HANDLES_AWAY, QUERY_HANDLES_OVERDUE
from causeline.schemas.web.errors import Unavailable

_log = structlog.get_logger(__name__)

_CLOSE_S: Final = 2.0


class Closeable(Protocol):
    """What is asked of a client here."""

    def close(self) -> None:
        """Give it back to the store."""
        ...


_Client = TypeVar("_Client", bound=Closeable)


class Handle(Generic[_Client]):
    """One client, opened at first use, and its thread. `client` and `drop` are for what runs on that thread."""

    def __init__(self, connect: Callable[[], _Client], name: str) -> None:
        self._connect: Final = connect
        self._client: _Client | None = None
        self._jobs: Final[SimpleQueue[Callable[[], None] | None]] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    @property
    def client(self) -> _Client:
        """Return the client. Raises what `connect` raises."""
        if self._client is None:
            self._client = self._connect()
        return self._client

    def drop(self) -> None:
        """Close the client; the next question opens another one."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close()
            except Exception as error:  # noqa: BLE001 - whatever a broken client raises, nobody uses it any more
                _log.debug("a client was not closed in order", error=repr(error))

    def begin(self, job: Callable[[], None]) -> None:
        """Run a job on the thread."""
        self._jobs.put(job)

    def end(self) -> "asyncio.Future[None]":
        """Close the client and end the thread; the future is done then."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not ended.done():
                ended.set_result(None)

        def last() -> None:
            self.drop()
            _call(loop, tell)

        self._jobs.put(last)
        self._jobs.put(None)
        return ended

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class HandleBounds(NamedTuple):
    """How many handles there are, how many more may be away, and after how many seconds one is overdue."""

    handles: int
    away: int
    overdue_s: float


_Question = Callable[[Handle[_Client]], bytes]
"""What is asked, on the thread of a handle. What it raises is what its asker sees, and the end of the client: the embedded engine (26.9)
gives what a failed query had put out already to the next query of its client, whoever asks that."""


class Handles(Generic[_Client]):
    """The handles of one event loop. `connect` opens a client; it is called on the thread that will use it."""

    def __init__(self, connect: Callable[[], _Client], bounds: HandleBounds, name: str) -> None:
        self._connect, self._bounds, self._name = connect, bounds, name
        self._idle: Final[list[Handle[_Client]]] = []
        self._running: Final[dict[Handle[_Client], asyncio.Future[bytes]]] = {}
        self._timers: Final[dict[Handle[_Client], asyncio.TimerHandle]] = {}
        self._overdue: Final[dict[Handle[_Client], None]] = {}
        """Of those that run, the oldest first: not given up, because too many are away."""
        self._away: Final[set[Handle[_Client]]] = set()
        self._waiting: Final[deque[tuple[_Question[_Client], asyncio.Future[bytes]]]] = deque()
        self._is_closing = False

    @property
    def is_stuck(self) -> bool:
        """Whether no handle can be had: every place is taken by one that is overdue, and no more may be given up."""
        return len(self._overdue) >= self._bounds.handles

    @property
    def away(self) -> int:
        """Return how many were given up and have not come back."""
        return len(self._away)

    def run(self, question: _Question[_Client]) -> "asyncio.Future[bytes]":
        """Ask on the first handle that is free. The future is Unavailable where its handle was given up. Raises Unavailable: closing."""
        if self._is_closing:
            raise Unavailable("the server is stopping")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_see)
        self._waiting.append((question, answer))
        self._serve()
        return answer

    async def close(self) -> None:
        """Refuse questions, let those that run end, and close the clients. What is overdue is not waited for."""
        self._is_closing = True
        while self._waiting:
            _fail(self._waiting.popleft()[1], Unavailable("the server is stopping"))
        running = [answer for handle, answer in self._running.items() if handle not in self._overdue]
        if running:
            await asyncio.wait(running, timeout=self._bounds.overdue_s)
        endings = [handle.end() for handle in self._idle]
        self._idle.clear()
        if endings:
            await asyncio.wait(endings, timeout=_CLOSE_S)

    def _serve(self) -> None:
        while self._waiting and len(self._running) < self._bounds.handles:
            question, answer = self._waiting.popleft()
            if not answer.done():
                self._begin(question, answer)

    def _begin(self, question: _Question[_Client], answer: "asyncio.Future[bytes]") -> None:
        try:
            handle = self._idle.pop() if self._idle else Handle(self._connect, self._name)
        except RuntimeError as error:  # the system gives no more threads
            _log.warning("a query has no thread", error=str(error))
            _fail(answer, Unavailable("the store could not be asked", retry_after_s=5))
            return
        loop = asyncio.get_running_loop()
        self._running[handle] = answer
        self._timers[handle] = loop.call_later(self._bounds.overdue_s, self._be_overdue, handle)

        def ask() -> None:
            try:
                outcome: bytes | Exception = question(handle)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is the asker's
                handle.drop()
                outcome = error
            _call(loop, lambda: self._come_back(handle, outcome))

        handle.begin(ask)

    def _come_back(self, handle: Handle[_Client], outcome: bytes | Exception) -> None:
        answer = self._running.pop(handle, None)
        if answer is None:
            self._away.discard(handle)
            QUERY_HANDLES_AWAY.labels(self._name).set(len(self._away))
            _log.warning("a handle came back that was given up", handles=self._name, away=len(self._away))
            handle.end()
        else:
            self._timers.pop(handle).cancel()
            self._overdue.pop(handle, None)
            if self._is_closing:
                handle.end()
            else:
                self._idle.append(handle)
            _settle(answer, outcome)
        self._give_up()

    def _be_overdue(self, handle: Handle[_Client]) -> None:
        self._overdue[handle] = None
        is_replaced = len(self._away) < self._bounds.away
        QUERY_HANDLES_OVERDUE.labels(self._name, "replaced" if is_replaced else "kept").inc()
        _log.warning(
            "a handle does not come back", handles=self._name, replaced=is_replaced, away=len(self._away), overdue=len(self._overdue)
        )
        self._give_up()

    def _give_up(self) -> None:
        """Give up what is overdue, as far as that is allowed, and serve who waits."""
        while self._overdue and len(self._away) < self._bounds.away:
            handle = next(iter(self._overdue))
            del self._overdue[handle], self._timers[handle]
            self._away.add(handle)
            QUERY_HANDLES_AWAY.labels(self._name).set(len(self._away))
            _fail(self._running.pop(handle), Unavailable("the store does not answer", retry_after_s=5))
        self._serve()


def _call(loop: asyncio.AbstractEventLoop, then: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop is gone, and who waited in it
        loop.call_soon_threadsafe(then)


def _see(answer: "asyncio.Future[bytes]") -> None:
    """See how it ended: who asked may have left."""
    if not answer.cancelled():
        answer.exception()


def _settle(answer: "asyncio.Future[bytes]", outcome: bytes | Exception) -> None:
    if isinstance(outcome, Exception):
        _fail(answer, outcome)
    elif not answer.done():
        answer.set_result(outcome)


def _fail(answer: "asyncio.Future[bytes]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
