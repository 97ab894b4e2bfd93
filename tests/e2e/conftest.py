from collections.abc import Iterator

import pytest

from tests.stack import Stack, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whole stack for all end-to-end tests; tests keep apart by tenant."""
    with running(tmp_path_factory.mktemp("stack") / "data", CAUSELINE_DELIVERY_ALLOW="127.0.0.1") as started:
        yield started
