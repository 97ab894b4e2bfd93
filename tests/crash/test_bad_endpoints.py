"""A whole stack with bad endpoints beside healthy ones: everything comes in the end, in order, and the healthy ones notice nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.crash import bad_cases
from tests.crash.bad_cases import Case
from tests.crash.bad_runs import run_all
from tests.crash.bad_table import table
from tests.receiver import Receiver, receiving
from tests.stack import Stack, running

QUICK: Final = [bad_cases.limited(4), bad_cases.GONE]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for all cases."""
    folder: Path = tmp_path_factory.mktemp("bad endpoints") / "data"
    with running(folder, CAUSELINE_DELIVERY_ALLOW=bad_cases.LISTED, CAUSELINE_DELIVERY_TIMEOUT=f"{bad_cases.TIMEOUT_S}s") as started:
        yield started


@pytest.fixture
def trap() -> Iterator[Receiver]:
    """A server of this machine that is not listed: nothing may reach it."""
    with receiving() as started:
        yield started


async def _faults(stack: Stack, cases: Sequence[Case], quiet_s: float) -> list[str]:
    """Run the cases and print the table; return what must not be."""
    rows = await run_all(stack, cases, quiet_s)
    print("\n" + "\n".join(table(rows)), flush=True)
    return [fault for row in rows for fault in row.faults]


@pytest.mark.chaos
@pytest.mark.timeout(150)
async def test_an_endpoint_that_wants_to_be_left_alone_is_and_one_that_is_gone_gets_everything_once_enabled(stack: Stack) -> None:
    assert await _faults(stack, QUICK, quiet_s=2) == []


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_no_bad_endpoint_loses_or_reorders_anything_or_makes_a_healthy_one_late(stack: Stack, trap: Receiver) -> None:
    faults = await _faults(stack, bad_cases.all_cases(trap.port), quiet_s=12)
    assert trap.requests() == []
    assert faults == []
