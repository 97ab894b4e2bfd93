"""The whole stack under load while its processes are killed at random: nothing acknowledged is lost, nothing is doubled."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.crash.ledger import Ledger, Verdict
from tests.stack import Stack, running

CHILDREN = ("causeline server", "causeline processors", "kafka.Kafka")
RECOVERY_S = 60.0


async def fault(stack: Stack, words: str, rng: random.Random) -> None:
    """Kill one child, sometimes after freezing it first, and wait until events flow again."""
    victim = await asyncio.to_thread(stack.child, words)
    if rng.random() < 0.3:
        victim.send_signal(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0.5, 2))
    victim.send_signal(signal.SIGKILL)
    await asyncio.to_thread(victim.wait, 10)
    took = await asyncio.to_thread(stack.wait_flow, RECOVERY_S)
    print(f"killed {words}: events flow again after {took:.1f} s", flush=True)


async def under_faults(stack: Stack, schedule: list[str], seed: int) -> Verdict:
    rng = random.Random(seed)
    ledger = Ledger(stack.url, stack.kafka)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ledger.drive())
        for words in schedule:
            await asyncio.sleep(rng.uniform(1, 3))
            await fault(stack, words, rng)
        await asyncio.sleep(1)
        ledger.stopping.set()
    verdict = await ledger.judge()
    print(f"{len(schedule)} faults: {verdict}", flush=True)
    return verdict


def assert_exact(verdict: Verdict) -> None:
    assert verdict.acknowledged == verdict.sent > 1_000
    assert (verdict.lost, verdict.doubled, verdict.missing_rows, verdict.doubled_rows) == (0, 0, 0, 0)


@pytest.mark.timeout(400)
async def test_a_kill_of_each_process_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data") as stack:
        assert_exact(await under_faults(stack, [*CHILDREN], seed=7))
        assert stack.stop() < 40


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
async def test_many_random_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(20261121)
    with running(tmp_path / "data") as stack:
        assert_exact(await under_faults(stack, [rng.choice(CHILDREN) for _ in range(25)], seed=11))


async def killed(stack: Stack) -> None:
    children = [stack.child(words) for words in CHILDREN]
    stack.kill([])
    for child in children:
        await asyncio.to_thread(child.wait, 10)


async def stopped(stack: Stack) -> None:
    assert await asyncio.to_thread(stack.stop) < 40


@pytest.mark.timeout(300)
@pytest.mark.parametrize("end", [killed, stopped])
async def test_an_end_of_everything_under_load_and_a_new_start_find_everything(
    tmp_path: Path, end: Callable[[Stack], Awaitable[None]]
) -> None:
    stack = Stack(tmp_path / "data")
    stack.start()
    ledger = Ledger(stack.url, stack.kafka, clients=4)
    driving = asyncio.create_task(ledger.drive())
    await asyncio.sleep(3)
    await end(stack)
    await asyncio.to_thread(stack.start)
    await asyncio.sleep(1)
    ledger.stopping.set()
    await driving
    try:
        assert_exact(await ledger.judge())
    finally:
        stack.stop()
