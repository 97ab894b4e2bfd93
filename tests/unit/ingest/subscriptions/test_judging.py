"""Heavy templates are looked at beside the loop, and wait for others of their own tenant alone."""

import asyncio
import threading

import pytest

from causeline.ingest.subscriptions.judging import Judging
from causeline.schemas.web.errors import Invalid, OverShare
from tests import patience
from tests.subscriptions_memory import MINIMAL, TARGET, MemorySubscriptions

HEAVY = "{{ data | tojson }}" * 700
"""It costs as many steps as a template may."""


class Gate:
    """Judges that wait until they are let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = threading.Event()
        self._lock = threading.Lock()

    def judge(self) -> int:
        with self._lock:
            self.begun += 1
        assert self.open.wait(30)
        return 7


async def _until(count: int, gate: Gate) -> None:
    await patience.holds(lambda: gate.begun >= count, every=0.001)


async def test_one_of_a_tenant_and_two_of_all_are_looked_at_at_once_and_the_loop_goes_on() -> None:
    judging, gate = Judging(), Gate()
    tasks = [asyncio.create_task(judging.run(tenant, gate.judge)) for tenant in ("a", "a", "a", "b", "c")]
    await _until(2, gate)
    assert not any(task.done() for task in tasks)
    assert gate.begun == 2
    gate.open.set()
    assert await asyncio.gather(*tasks) == [7] * 5


async def test_too_many_of_a_tenant_are_refused_and_another_tenant_is_served() -> None:
    judging, gate = Judging(waiting=3), Gate()
    tasks = [asyncio.create_task(judging.run("many", gate.judge)) for _ in range(3)]
    await _until(1, gate)
    with pytest.raises(OverShare) as refused:
        await judging.run("many", gate.judge)
    assert (refused.value.status, "Retry-After" in refused.value.headers) == (429, True)
    assert await judging.run("bystander", lambda: 1) == 1
    gate.open.set()
    await asyncio.gather(*tasks)
    assert await judging.run("many", lambda: 2) == 2


async def test_who_leaves_gives_its_thread_back_when_that_has_ended() -> None:
    judging, gate = Judging(threads=1), Gate()
    task = asyncio.create_task(judging.run("a", gate.judge))
    await _until(1, gate)
    task.cancel()
    other = asyncio.create_task(judging.run("b", lambda: 1))
    await patience.turn()
    assert not other.done()
    gate.open.set()
    assert await other == 1
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_wrong_is_raised_as_it_is() -> None:
    def refuse() -> None:
        raise Invalid("no")

    with pytest.raises(Invalid):
        await Judging().run("a", refuse)


async def test_while_a_heavy_template_is_looked_at_the_loop_has_its_turns() -> None:
    api = MemorySubscriptions()
    body = {**MINIMAL, "target": TARGET | {"template": HEAVY}}
    task = asyncio.create_task(api.ask("POST", "", body))
    turns = 0
    while not task.done():
        turns += 1
        await patience.turn()
    assert turns > 10
    assert (await task).status in {201, 422}
