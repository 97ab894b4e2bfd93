"""A disk that runs full under a whole stack: nothing acknowledged is lost, and it goes on by itself once there is room again."""

from pathlib import Path

import pytest

from tests.crash.disk_faults import below_the_floor, full, small_disk
from tests.crash.endure import endure
from tests.stack import running


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_a_full_disk_loses_doubles_and_disorders_nothing_and_the_stack_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data") as disk, running(disk) as stack:
        assert (await endure(stack, below_the_floor(free_mib=200, seconds=10))).exact
        assert (await endure(stack, below_the_floor(free_mib=200, seconds=10))).exact
        assert (await endure(stack, full(seconds=15))).exact
