"""`causeline migrate`. It loads no client until it runs."""

from typing import TYPE_CHECKING

from causeline.deploy.commands.settings_flags import with_settings

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings


@with_settings
def migrate(settings: "Settings") -> None:
    """Bring the tables of ClickHouse up to date; does nothing where they are.

    Rows that an older version stored are copied into the tables of this one, newest first, while servers go on; a run that was stopped goes
    on where it was.

    Example: `causeline migrate --clickhouse https://user:secret@clickhouse:8443/causeline`
    """
    from causeline.deploy.commands.migrate.command import run

    run(settings)
