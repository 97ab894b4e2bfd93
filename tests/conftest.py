from collections.abc import Iterator
from pathlib import Path

import pytest

from causeline.deploy.broker import EmbeddedBroker
from tests.engine import Engine, fresh_engine


@pytest.fixture(scope="session")
def engine_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder of this process for the embedded ClickHouse engine."""
    return tmp_path_factory.mktemp("clickhouse")


@pytest.fixture
def engine(engine_path: Path) -> Iterator[Engine]:
    """An empty, migrated database in the embedded engine."""
    with fresh_engine(engine_path) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One real broker for all tests; tests keep apart by topics and groups."""
    started = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    started.start()
    yield started
    started.stop()
