"""Runs the parts of `causeline up`: starts them in order, starts again what dies, stops them in the reverse order.

A part that ends is a normal event, not a failure of the stack: the parts fail fast when they are unsure (a fenced producer, a lost
engine) and count on being started again. Nothing is lost by that, because what is acknowledged is in the broker's log on disk.
On SIGTERM or SIGINT the server stops first (it drains), then the processors, then the broker they both need; the deadlines of the parts
(`parts.py`) add up to less than the 40 s that are promised. A second signal kills at once.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from causeline.deploy.embedded.parts import Part
from causeline.deploy.embedded.restarts import next_delay, reason
from causeline.deploy.exit_codes import CANNOT_RUN, COMMAND_FAILED

_log = structlog.get_logger(__name__)

_POLL_S: Final = 0.1
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class _Child:
    """One part with its own stop event: it is kept alive until its turn to stop has come."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.usable = asyncio.Event()
        self.stop = asyncio.Event()


class Supervisor:
    """Supervises parts given in start order, each of which needs those before it.

    `ready` is asked (in a thread) until it is true, then `announce` is called once.
    """

    def __init__(self, parts: Sequence[Part], *, ready: Callable[[], bool], announce: Callable[[], None]) -> None:
        self._parts = [_Child(part) for part in parts]
        self._ready, self._announce = ready, announce
        self._stopping = asyncio.Event()
        self._stop_requests = 0
        self._was_ready = False
        self._exit_code = 0

    async def run(self) -> int:
        """Run until a signal comes or the first start fails for good; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.stop, number.name)
        try:
            await self._run()
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
        return self._exit_code

    def stop(self, why: str) -> None:
        """Stop all parts in order; asked a second time, kill them. `why` is logged: the signal's name."""
        self._stop_requests += 1
        _log.info("stopping" if self._stop_requests == 1 else "killing what still runs", reason=why)
        self._stopping.set()
        if self._stop_requests > 1:
            for child in self._parts:
                child.stop.set()
                child.part.stop(0)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch_readiness())
            starting = tasks.create_task(self._start(tasks))
            await self._stopping.wait()
            watching.cancel()
            starting.cancel()
            for child in reversed(self._parts):
                child.stop.set()
                await asyncio.to_thread(child.part.stop, child.part.stop_s)

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        for child in self._parts:
            tasks.create_task(self._keep(child))
            await child.usable.wait()

    async def _keep(self, child: _Child) -> None:
        """Run one part, again and again, until its stop event is set."""
        delay: float | None = None
        while not child.stop.is_set():
            began = time.monotonic()
            code, cause = await self._run_once(child)
            if child.stop.is_set():
                break
            if self._is_hopeless(child, code):
                self._give_up(child.part.name, cause)
                return
            delay = next_delay(delay, time.monotonic() - began)
            _log.warning("child ended", child=child.part.name, reason=cause, restart_in_s=delay)
            await _either(child.stop, delay)
        # Its turn to stop came while it was starting: the stop found nothing to stop yet.
        await asyncio.to_thread(child.part.stop, child.part.stop_s)

    async def _run_once(self, child: _Child) -> tuple[int, str]:
        """Start a part and wait for its end; return its exit code and the reason in words."""
        try:
            await asyncio.to_thread(child.part.start)
        except Exception as error:  # noqa: BLE001 - whatever keeps a part from starting, the others must go on and stop in order
            return COMMAND_FAILED, str(error) or repr(error)
        if child.usable.is_set():
            _log.info("child restarted", child=child.part.name, pid=child.part.pid)
        child.usable.set()
        code = await asyncio.to_thread(child.part.wait)
        return code, reason(code)

    def _is_hopeless(self, child: _Child, code: int) -> bool:
        """Tell whether a part never started, or ended with `CANNOT_RUN` before the stack was ever ready."""
        return not child.usable.is_set() or (code == CANNOT_RUN and not self._was_ready)

    def _give_up(self, name: str, cause: str) -> None:
        if not self._stopping.is_set():
            _log.error("cannot start", child=name, reason=cause)
            self._exit_code = COMMAND_FAILED
            self._stopping.set()

    async def _watch_readiness(self) -> None:
        while not await asyncio.to_thread(self._ready):
            await _either(self._stopping, _POLL_S)
        self._was_ready = True
        self._announce()


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
