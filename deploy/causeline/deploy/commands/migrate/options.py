"""`causeline migrate`. It loads no client until it runs."""

from typing import TYPE_CHECKING

from causeline.deploy.commands.settings_flags import with_settings

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings


@with_settings
def migrate(settings: "Settings") -> None:
    """Bring the tables of ClickHouse up to date; does nothing where they are.

    Example: `causeline migrate --clickhouse https://user:secret@clickhouse:8443/causeline`
    """
    from rich.console import Console

    from causeline.deploy.adapters.store import migrate_tables

    migrations = migrate_tables(settings)
    console = Console()
    for name in migrations:
        console.print(f"applied {name}")
    if not migrations:
        console.print("the tables are up to date")
