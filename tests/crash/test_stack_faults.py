"""A whole stack under load, its processes killed, frozen and restarted: nothing acknowledged is lost, doubled or out of order."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.crash.endure import endure
from tests.crash.faults import (
    BROKER,
    CHILDREN,
    PROCESSORS,
    SERVER,
    Fault,
    broker_kept_down,
    everything_killed,
    everything_stopped,
    frozen,
    killed,
    restarted,
)
from tests.crash.signs import Sign
from tests.stack import Stack, running

SESSION_S = 6.0
SERVER_SILENT = Sign("server", "^up.* 0$")
PROCESSORS_SILENT = Sign("processors", "^up.* 0$")
PROCESSORS_STILL = Sign("server", r'causeline_ready\{part="processors"\} 0')
BROKER_SILENT = Sign("server", r'causeline_ready\{part="broker"\} 0')
PROCESSORS_GAVE_UP = Sign("log", "processors: process failed")

KILLS = [*(killed(words) for words in CHILDREN), killed(*CHILDREN)]
ENDS = [everything_killed(), everything_stopped()]
SHORT = [killed(words) for words in CHILDREN]
"""What `make test` has time for."""
LONG = [
    *KILLS,
    *(restarted(words) for words in CHILDREN),
    frozen(PROCESSORS, SESSION_S + 3, PROCESSORS_SILENT, PROCESSORS_STILL),
    frozen(SERVER, 30, SERVER_SILENT),
    frozen(PROCESSORS, 30, PROCESSORS_SILENT, PROCESSORS_STILL),
    frozen(BROKER, 30, BROKER_SILENT, PROCESSORS_GAVE_UP),
    frozen(BROKER, 60, BROKER_SILENT, PROCESSORS_GAVE_UP),
    broker_kept_down(60),
    *ENDS,
]
RANDOM_KILLS = 5


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all faults, one after the other, as in a long life: what one leaves behind, the next one meets."""
    with running(tmp_path_factory.mktemp("faults") / "data") as started:
        yield started


def named(fault: Fault) -> str:
    return fault.name


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", SHORT, ids=named)
async def test_a_fault_under_load_loses_doubles_and_disorders_nothing_and_is_seen(stack: Stack, fault: Fault) -> None:
    assert (await endure(stack, fault)).exact


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", LONG, ids=named)
async def test_a_long_fault_under_load_loses_doubles_and_disorders_nothing_and_is_seen(stack: Stack, fault: Fault) -> None:
    assert (await endure(stack, fault)).exact


@pytest.mark.chaos
@pytest.mark.timeout(1_200)
async def test_random_kills_under_load_lose_double_and_disorder_nothing(stack: Stack) -> None:
    rng = random.Random(20261121)
    for _ in range(RANDOM_KILLS):
        fault = killed(*rng.sample(CHILDREN, rng.choice((1, 2))))
        assert (await endure(stack, replace(fault, name=f"random: {fault.name}"))).exact
