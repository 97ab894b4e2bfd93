"""ClickHouse by the settings: the embedded engine in the data folder, or a server, through one client API."""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from clickhouse_connect.driver.client import Client

from causeline.deploy.settings import Settings
from causeline.processors.adapters.clickhouse import apply_migrations, open_engine, open_server
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


def migrate_tables(settings: Settings) -> list[str]:
    """Bring the tables up to date and return what was applied."""
    client = opener(settings)("default" if settings.clickhouse else None)
    try:
        return apply_migrations(client, table_layout(settings))
    finally:
        client.close()
