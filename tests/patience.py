"""How tests wait: for a condition, never for a time. The only file of the tests that sleeps (a test of the layout says so).

A condition that nobody announces is asked for again and again: `asked` and `holds`. Where time itself is what a test needs (a fault that
lasts, a pace, a wait between two tries) `lasting` and `pause` say so in words. `turn` lets the other tasks of the loop run.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

_T = TypeVar("_T")

SECONDS: Final = 30.0
"""How long a condition may take to come true unless a test says otherwise: a bound for failures, with room for a slow machine."""

_EVERY_S: Final = 0.02


def asked(ask: Callable[[], _T], good: Callable[[_T], object] = bool, *, seconds: float = SECONDS, every: float = _EVERY_S) -> _T:
    """Ask until the answer is good; return it. Fails with the last answer when the time is up."""
    deadline = time.monotonic() + seconds
    while not good(answer := ask()):
        assert time.monotonic() < deadline, f"after {seconds} s still {answer!r}"
        time.sleep(every)
    return answer


def asked_by(ask: Callable[[], _T], good: Callable[[_T], object] = bool, *, seconds: float = SECONDS, every: float = _EVERY_S) -> _T:
    """Ask until the answer is good or the time is up; return the last one, which the caller judges."""
    deadline = time.monotonic() + seconds
    while not good(answer := ask()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer


async def holds(condition: Callable[[], object], *, seconds: float = SECONDS, every: float = _EVERY_S) -> None:
    """Wait until a condition holds that no event announces. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody here could set an event
            await asyncio.sleep(every)


async def found(
    ask: Callable[[], Awaitable[_T]],
    good: Callable[[_T], object] = bool,
    *,
    seconds: float = SECONDS,
    every: float = _EVERY_S,
) -> _T:
    """Ask until the answer is good; return it. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not good(answer := await ask()):  # noqa: ASYNC110 - nobody here could set an event
            await asyncio.sleep(every)
    return answer


async def found_by(
    ask: Callable[[], Awaitable[_T]],
    good: Callable[[_T], object] = bool,
    *,
    seconds: float = SECONDS,
    every: float = _EVERY_S,
) -> _T:
    """Ask until the answer is good or the time is up; return the last one, which the caller judges."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not good(answer := await ask()) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - as above
        await asyncio.sleep(every)
    return answer


async def turn(times: int = 1) -> None:
    """Let the tasks that can run have their turn, so often."""
    for _ in range(times):
        await asyncio.sleep(0)


async def lasting(seconds: float, why: str) -> None:
    """Let time pass where time is the point: `why` says what it is for."""
    assert why
    await asyncio.sleep(max(0.0, seconds))


def pause(seconds: float, why: str) -> None:
    """Let time pass where time is the point, on a thread: `why` says what it is for."""
    assert why
    time.sleep(max(0.0, seconds))
