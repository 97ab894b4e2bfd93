"""The options of `causeline session`. It loads neither the Kafka client nor anything else heavy until a command runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from causeline.deploy.commands.late_command import CommandGroup, LateCommand
from causeline.deploy.commands.refusing import refuse
from causeline.deploy.commands.settings_flags import with_settings
from causeline.deploy.exit_codes import COMMAND_FAILED

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings

app = typer.Typer(cls=CommandGroup, help="Show and end the sessions of browsers.", no_args_is_help=True)


@app.command("list", cls=LateCommand)
@with_settings
def session_list(
    settings: "Settings", tenant: Annotated[str, typer.Option(help="Only the sessions that may look at this tenant's events")] = ""
) -> None:
    """Show who is signed in with a browser, oldest first."""
    with _refusing(settings):
        from causeline.deploy.commands.sessions import commands

        commands.print_sessions(settings, tenant)


@app.command("revoke", cls=LateCommand)
@with_settings
def session_revoke(
    settings: "Settings", session_id: Annotated[str, typer.Argument(metavar="ID", help="Id of `causeline session list`")]
) -> None:
    """End a session; every server refuses it from then on."""
    with _refusing(settings):
        from causeline.deploy.commands.sessions import commands

        commands.end_session(settings, session_id)


@contextmanager
def _refusing(settings: "Settings") -> Iterator[None]:
    from causeline.deploy import logs
    from causeline.deploy.commands.sessions.commands import SessionError

    logs.configure_logging(settings.log_level, settings.log_format, "session")
    try:
        yield
    except SessionError as error:
        refuse(str(error), COMMAND_FAILED)
