"""The options of `causeline rebuild`. It loads neither clients nor engines until it runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from causeline.deploy.commands.refusing import refuse
from causeline.deploy.commands.settings_flags import with_settings
from causeline.deploy.exit_codes import COMMAND_FAILED, USAGE

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings


@with_settings
def rebuild(
    settings: "Settings",
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Swap the rebuilt tables in, whether or not they are equal")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database beside it (after --apply: the tables as they were)")] = False,
) -> None:
    """Make ClickHouse anew from the log beside the present tables and compare them row for row: exit code 0 where equal, else 1.

    Embedded, nothing may run in the folder: the broker is started and stopped. Beside clusters everything may go on running.

    Examples: `causeline rebuild --data-dir /var/lib/causeline`,
    `causeline rebuild --apply --kafka kafka-1:9092 --clickhouse https://user:secret@clickhouse:8443/causeline`
    """
    from causeline.deploy import logs
    from causeline.deploy.commands.rebuild.command import run_rebuild
    from causeline.deploy.embedded.instance import InstanceError
    from causeline.deploy.embedded.jars import JarError
    from causeline.deploy.embedded.java import JavaError
    from causeline.processors.sink.rebuild import RebuildError

    logs.configure_logging(settings.log_level, settings.log_format, "rebuild")
    try:
        code = run_rebuild(settings, apply=apply, keep=keep)
    except InstanceError as error:
        refuse(str(error), USAGE)
    except (RebuildError, JarError, JavaError) as error:
        refuse(str(error), COMMAND_FAILED)
    raise SystemExit(code)
