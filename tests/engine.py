"""The embedded ClickHouse engine for tests: one folder per process (the engine allows no second one), a fresh database per test."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import migrate, open_engine
from causeline.schemas.migrations import Layout

_numbers = itertools.count(1)


class Engine(NamedTuple):
    """A migrated database. `open` gives one more handle on it: one per thread."""

    path: Path
    layout: Layout

    def open(self) -> Client:
        return open_engine(self.path, self.layout.database)


@contextmanager
def fresh_engine(path: Path) -> Iterator[Engine]:
    """Migrate a new database and drop it afterwards."""
    layout = Layout(database=f"test_{next(_numbers)}")
    client = open_engine(path)
    migrate(client, layout)
    try:
        yield Engine(path, layout)
    finally:
        client.command(f"DROP DATABASE {layout.database} SYNC")
        client.close()
