from collections.abc import Iterator

import pytest

from tests.e2e.subscriber import Team
from tests.receiver import Receiver, receiving
from tests.stack import Stack, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whole stack for all end-to-end tests; tests keep apart by tenant."""
    with running(tmp_path_factory.mktemp("stack") / "data", CAUSELINE_DELIVERY_ALLOW="127.0.0.1") as own_stack:
        yield own_stack


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """An endpoint of the tests of one module."""
    with receiving() as own_receiver:
        yield own_receiver


@pytest.fixture
def team(stack: Stack, receiver: Receiver) -> Iterator[Team]:
    """A tenant that subscribes, with webhooks of its own at that endpoint."""
    own_team = Team(stack, receiver)
    with own_team.http:
        yield own_team
