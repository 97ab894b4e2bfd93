"""The wall clock steps under a whole stack: nothing acknowledged suffers, and what stands still is not called ready."""

from collections.abc import Iterator

import pytest

from tests.crash.clock_faults import MovedClock, stall_after_a_step_back, stepping
from tests.crash.endure import endure
from tests.stack import Stack, running

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> MovedClock:
    return MovedClock(tmp_path_factory.mktemp("clock") / "offset")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, clock: MovedClock) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("clocked") / "data", **clock.env) as started:
        yield started


@pytest.mark.timeout(200)
async def test_a_clock_that_steps_loses_doubles_and_disorders_nothing(stack: Stack, clock: MovedClock) -> None:
    assert (await endure(stack, stepping(clock))).exact


@pytest.mark.timeout(200)
async def test_processors_that_stand_still_after_a_step_back_are_not_called_ready(stack: Stack, clock: MovedClock) -> None:
    assert (await endure(stack, stall_after_a_step_back(clock, 12))).exact
