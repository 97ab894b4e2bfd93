"""The faults by signal and restart, as values: what is done to a whole stack, and by what an operator sees it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import psutil

from tests import patience
from tests.crash.signs import Sign
from tests.stack import STOP_S, Stack
from tests.standstill import standing_still

SERVER: Final = "causeline server"
PROCESSORS: Final = "causeline processors"
DELIVER: Final = "causeline deliver"
BROKER: Final = "kafka.Kafka"
CHILDREN: Final = (SERVER, PROCESSORS, BROKER)
NAMES: Final = {SERVER: "server", PROCESSORS: "processors", DELIVER: "deliver", BROKER: "broker"}

_GRACE_S: Final = 30.0


@dataclass(frozen=True)
class Fault:
    """`do` returns when the harm is over; that the stack recovers is for the runner to see.

    Each of `signs` must be found, and none of `never`.
    """

    name: str
    do: Callable[[Stack], Awaitable[None]]
    signs: tuple[Sign, ...]
    never: tuple[Sign, ...] = ()


def killed(*victims: str) -> Fault:
    """Kill children with SIGKILL, all at the same moment."""
    who = " and ".join(NAMES[words] for words in victims) if len(victims) < len(CHILDREN) else "all children at once"
    signs = tuple(Sign("log", rf"supervisor: child ended .*child={NAMES[words]} reason=signal SIGKILL") for words in victims)

    async def do(stack: Stack) -> None:
        await _ended(_children(stack, *victims), signal.SIGKILL)

    return Fault(f"kill -9 of {who}", do, signs)


def restarted(victim: str) -> Fault:
    """Ask a child to end in order; the supervisor starts it again."""

    async def do(stack: Stack) -> None:
        await _ended(_children(stack, victim), signal.SIGTERM)

    return Fault(f"restart of {NAMES[victim]} (SIGTERM)", do, (Sign("log", rf"supervisor: child ended .*child={NAMES[victim]}"),))


def frozen(victim: str, seconds: float, *signs: Sign) -> Fault:
    """Stop a child's clock for longer than its session with the broker lasts, then let it go on as if nothing had been."""

    async def do(stack: Stack) -> None:
        (child,) = _children(stack, victim)
        with standing_still(child.pid):
            await patience.lasting(seconds, "how long the child stands still")

    return Fault(f"SIGSTOP of {NAMES[victim]}, {seconds:.0f} s", do, signs)


def broker_kept_down(seconds: float) -> Fault:
    """Kill the broker, and every broker that the supervisor starts in its place, for so long."""

    async def do(stack: Stack) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            for child in _found(stack, BROKER):
                child.kill()
            await patience.lasting(0.1, "until the supervisor may have started the next one")

    signs = (Sign("log", r"supervisor: child ended .*child=broker"), Sign("server", r'causeline_ready\{part="broker"\} 0'))
    return Fault(f"broker down, {seconds:.0f} s", do, signs)


def everything_killed() -> Fault:
    """Kill the supervisor alone with SIGKILL: the children end with it; then start again on the same folder."""

    async def do(stack: Stack) -> None:
        children = _children(stack, *CHILDREN)
        stack.kill([])
        await asyncio.to_thread(_wait, children)
        await asyncio.to_thread(stack.start)

    return Fault("kill -9 of causeline up, start", do, (Sign("server", "^up.* 0$"), Sign("processors", "^up.* 0$")))


def everything_stopped() -> Fault:
    """End all in order, within the promised time; then start again on the same folder."""

    async def do(stack: Stack) -> None:
        assert await asyncio.to_thread(stack.stop) < STOP_S
        await asyncio.to_thread(stack.start)

    return Fault("SIGTERM of causeline up, start", do, (Sign("log", "supervisor: stopping reason=SIGTERM"), Sign("server", "^up.* 0$")))


def _found(stack: Stack, words: str) -> list[psutil.Process]:
    try:
        return [stack.child(words)]
    except LookupError:
        return []


def _children(stack: Stack, *victims: str) -> list[psutil.Process]:
    return [stack.child(words) for words in victims]


async def _ended(children: list[psutil.Process], number: signal.Signals) -> None:
    for child in children:
        child.send_signal(number)
    await asyncio.to_thread(_wait, children)


def _wait(children: list[psutil.Process]) -> None:
    _, left = psutil.wait_procs(children, timeout=_GRACE_S)
    assert not left, f"still running: {left}"
