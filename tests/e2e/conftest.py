from collections.abc import Iterator

import pytest

from tests.e2e.subscriber import Team
from tests.receiver import Receiver, receiving
from tests.stack import Stack


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
