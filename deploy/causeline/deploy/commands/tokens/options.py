"""The options of `causeline token`. It loads neither the Kafka client nor anything else heavy until a command runs."""

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

app = typer.Typer(cls=CommandGroup, help="Make, show and revoke the tokens that callers are known by.", no_args_is_help=True)


@app.command("create", cls=LateCommand)
@with_settings
def token_create(
    settings: "Settings",
    tenant: Annotated[str, typer.Option(help="Whose events the token is for")],
    scope: Annotated[list[str], typer.Option(help="ingest, read or admin; may be given more than once")],
    group: Annotated[list[str] | None, typer.Option(help="Group whose restricted events may be seen; may be given more than once")] = None,
    name: Annotated[str, typer.Option(help="What it is for, shown by `causeline token list`")] = "",
    expires: Annotated[str, typer.Option(help="30s, 15m, 2h, 90d, or never")] = "never",
) -> None:
    """Make a token and print it once; only a hash of it is kept.

    Example: `causeline token create --tenant shop --scope ingest --scope read --name ci --expires 90d`
    """
    with _refusing(settings):
        from causeline.deploy.commands.tokens import commands

        print(commands.create(settings, tenant=tenant, scopes=scope, groups=group or [], name=name, expires=expires))


@app.command("list", cls=LateCommand)
@with_settings
def token_list(settings: "Settings") -> None:
    """Show the tokens that were not revoked; never the tokens themselves."""
    with _refusing(settings):
        from causeline.deploy.commands.tokens import commands

        commands.print_tokens(settings)


@app.command("revoke", cls=LateCommand)
@with_settings
def token_revoke(settings: "Settings", token_id: Annotated[str, typer.Argument(metavar="ID", help="Id of `causeline token list`")]) -> None:
    """Take a token away; every server refuses it from then on."""
    with _refusing(settings):
        from causeline.deploy.commands.tokens import commands

        commands.revoke(settings, token_id)


@contextmanager
def _refusing(settings: "Settings") -> Iterator[None]:
    from causeline.deploy import logs
    from causeline.deploy.commands.tokens.commands import TokenError

    logs.configure_logging(settings.log_level, settings.log_format, "token")
    try:
        yield
    except TokenError as error:
        refuse(str(error), COMMAND_FAILED)
