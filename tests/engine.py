"""ClickHouse for tests: a fresh, migrated database in the embedded engine (one folder per process: it allows no second one) or a server."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import apply_migrations
from causeline.schemas.migrations import TableLayout

TITLE: Final = "JSONExtractString(substringIndex(record, '\\n', 1), 14)"
"""The title of a row of `events_by_time`: most fields have no column of their own."""

_numbers = itertools.count(1)


Opener = Callable[[str | None], Client]


class Engine(NamedTuple):
    """A migrated database. `open` gives one more handle on it: one per thread."""

    opener: Opener
    layout: TableLayout

    def open(self) -> Client:
        return self.opener(self.layout.database)


@contextmanager
def fresh_engine(opener: Opener) -> Iterator[Engine]:
    """Migrate a new database and drop it afterwards."""
    layout = TableLayout(database=f"test_{next(_numbers)}")
    client = opener(None)
    apply_migrations(client, layout)
    try:
        yield Engine(opener, layout)
    finally:
        client.command(f"DROP DATABASE {layout.database} SYNC")
        client.close()
