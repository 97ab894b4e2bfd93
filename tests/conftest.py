import ast
import gc
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.clickhouse import open_engine, open_server
from tests import servers
from tests.clickhouse_http import ClickHouseHttp
from tests.engine import Engine, fresh_engine
from tests.stack import Stack, running

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")  # how long one example takes says something of the machine, and nothing of what is tested

if sys.version_info < (3, 11, 8):
    # Before it, what the cycle collector finalizes while a tree is made may format a trace, which makes a tree itself: the outer one then
    # fails with a SystemError (CPython, gh-106905). Hypothesis makes trees while a machine's dropped coroutines wait to be collected.
    _parse: Any = ast.parse

    @wraps(_parse)
    def _parse_uncollected(*args: Any, **kwargs: Any) -> Any:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return _parse(*args, **kwargs)
        finally:
            if was_enabled:
                gc.enable()

    ast.parse = _parse_uncollected


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--servers", action="store_true", help="Kafka and ClickHouse as servers in containers instead of the embedded ones")
    parser.addoption("--clickhouse-http", action="store_true", help="the embedded engine behind ClickHouse's HTTP interface")


_TOGETHER: Final = (
    ("tests/browser/", "stacks"),
    ("tests/e2e/", "stacks"),
    ("tests/crash/", "stacks"),
    ("tests/integration/deploy/", "stacks"),
    ("tests/contract/", "broker"),
    ("tests/integration/", "broker"),
)
"""Which tests share a worker of `make test`, first fit: whole stacks come one after another, the broker and the engine are started once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in a browser last: the stack that they share with others is started where it was without them."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/browser/"))


class Together(LoadScopeScheduling):
    """Gives a worker all of a group, or of a file that is in none."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((group for folder, group in _TOGETHER if path.startswith(folder)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Use it wherever there are workers."""
    return Together(config, log)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whole stack for all tests of one over HTTP; tests keep apart by tenant."""
    with running(tmp_path_factory.mktemp("stack") / "data", CAUSELINE_DELIVERY_ALLOW="127.0.0.1") as own_stack:
        yield own_stack


@pytest.fixture(scope="session")
def engine_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder of this process for the embedded ClickHouse engine."""
    return tmp_path_factory.mktemp("clickhouse")


@pytest.fixture(scope="session")
def clickhouse(request: pytest.FixtureRequest, engine_path: Path) -> Iterator[Callable[[str | None], Client]]:
    """How to open a handle on a database (None: the default one)."""
    if request.config.getoption("--clickhouse-http"):
        server = ClickHouseHttp(engine_path).start()
        yield lambda database: open_server(server.url, database or "default")
        server.stop()
        return
    if not request.config.getoption("--servers"):
        yield lambda database: open_engine(engine_path, database)
        return
    with servers.clickhouse_server() as url:
        yield lambda database: open_server(url, database or "default")


@pytest.fixture
def engine(clickhouse: Callable[[str | None], Client]) -> Iterator[Engine]:
    """An empty, migrated database."""
    with fresh_engine(clickhouse) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker | servers.ServerBroker]:
    """One real broker for all tests; tests keep apart by topics and groups. It is never harmed: who kills brokers starts their own."""
    if request.config.getoption("--servers"):
        with servers.kafka_server() as server:
            yield server
        return
    started = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    started.start()
    yield started
    started.stop()
