"""Records that should not be, and records that should, under a whole stack: set aside or rebuilt, and nothing acknowledged suffers."""

from collections.abc import Callable, Iterator

import pytest

from tests.crash.endure import endure
from tests.crash.faults import Fault
from tests.crash.record_faults import changelog_truncated, poison
from tests.stack import Stack, running


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("records") / "data") as started:
        yield started


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", [poison, changelog_truncated])
async def test_poison_and_a_truncated_changelog_lose_double_and_disorder_nothing(stack: Stack, fault: Callable[[], Fault]) -> None:
    assert (await endure(stack, fault())).exact
