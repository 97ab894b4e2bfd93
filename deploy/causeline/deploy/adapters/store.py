"""ClickHouse by the settings: the embedded engine in the data folder, or a server, through one client API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from clickhouse_connect.driver.client import Client

from causeline.deploy.settings import Settings
from causeline.processors.adapters.clickhouse import apply_migrations, open_engine, open_server
from causeline.processors.adapters.clickhouse_backfill import EventsBackfill
from causeline.processors.adapters.clickhouse_dora_backfill import DoraBackfill
from causeline.schemas.migrations import TableLayout

DEFAULT_DATABASE: Final = "causeline"


def table_layout(settings: Settings) -> TableLayout:
    """Return where and how the tables are made."""
    database = urlsplit(settings.clickhouse).path.strip("/")
    return TableLayout(
        database=database or DEFAULT_DATABASE,
        cluster=settings.clickhouse_cluster,
        retention_days=settings.retention_days,
    )


def opener(settings: Settings) -> Callable[[str | None], Client]:
    """Return a function that opens a handle on a database (None: the default one)."""
    if settings.clickhouse:
        return lambda database: open_server(settings.clickhouse, database)
    folder = Path(settings.data_dir) / "clickhouse"
    return lambda database: open_engine(folder, database)


def migrate_tables(settings: Settings) -> tuple[list[str], int]:
    """Bring the tables up to date; return what was applied, and how many rows `copy_events` has still to copy."""
    with migrating(settings) as backfill:
        return backfill.titles, backfill.events.pending_rows() or backfill.dora.pending_rows()


class Migrating(NamedTuple):
    """Tables that are up to date: what was applied, the copy of `events` into the tables that are read, and what DORA metrics look at."""

    titles: list[str]
    events: EventsBackfill
    dora: DoraBackfill


@contextmanager
def migrating(settings: Settings) -> Iterator[Migrating]:
    """Bring the tables up to date, for the length of a block on one handle."""
    client = opener(settings)("default" if settings.clickhouse else None)
    layout = table_layout(settings)
    try:
        yield Migrating(apply_migrations(client, layout), EventsBackfill(client, layout), DoraBackfill(client, layout))
    finally:
        client.close()
