"""The options of `causeline dlq`. It loads neither the Kafka client nor anything else heavy until a command runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Never

import typer

from causeline.deploy.commands.api_options import JsonOption
from causeline.deploy.commands.late_command import CommandGroup, LateCommand
from causeline.deploy.commands.refusing import escape_what_cannot_be_shown, refuse
from causeline.deploy.commands.settings_flags import with_settings

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings

app = typer.Typer(cls=CommandGroup, help="Show what was set aside (dead letters), and append it to the log again.", no_args_is_help=True)

LetterReason = Annotated[str, typer.Option(help="Only those set aside for this reason, such as undecodable", show_default=False)]
LetterSince = Annotated[str, typer.Option(help="Only those set aside in the last 30m, 2h, 7d, …", show_default=False)]


@app.command("list", cls=LateCommand)
@with_settings
def dlq_list(
    settings: "Settings",
    *,
    reason: LetterReason = "",
    topic: Annotated[str, typer.Option(help="Only those that lay on this topic", show_default=False)] = "",
    since: LetterSince = "",
    limit: Annotated[int, typer.Option(help="How many at most")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Show what was set aside, newest first: where it lies, when and why, where it came from, and whether it was retried.

    Examples: `causeline dlq list`, `causeline dlq list --reason undecodable --since 2h`, `causeline dlq list --json | jq .reason`
    """
    from causeline.deploy.commands.dead_letters.commands import print_letters

    _end(settings, "list", lambda: print_letters(settings, reason=reason, topic=topic, since=since, limit=limit, as_json=as_json))


@app.command("show", cls=LateCommand)
@with_settings
def dlq_show(
    settings: "Settings",
    position: Annotated[str, typer.Argument(metavar="POSITION", help="partition:offset, from `causeline dlq list`")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show everything of one of them: the record decoded, or its bytes, and whether it may be retried.

    Examples: `causeline dlq show 0:17`, `causeline dlq show 0:17 --json | jq -r .value | base64 -d > record`
    """
    from causeline.deploy.commands.dead_letters.commands import print_letter

    _end(settings, "show", lambda: print_letter(settings, position, as_json=as_json))


@app.command("retry", cls=LateCommand)
@with_settings
def dlq_retry(
    settings: "Settings",
    positions: Annotated[list[str] | None, typer.Argument(metavar="POSITION", help="partition:offset, from `causeline dlq list`")] = None,
    *,
    reason: Annotated[str, typer.Option(help="All set aside for this reason and not retried yet", show_default=False)] = "",
    since: LetterSince = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before retrying what --reason chose")] = False,
) -> None:
    """Append records to the ingest log again, each at most once, where that can help and harms nothing; say why not elsewhere.

    Exit code 0 where all of them went, else 1. After an upgrade this brings in what the old version could not read.

    Examples: `causeline dlq retry 0:17 3:4`, `causeline dlq retry --reason unknown_op --since 7d --dry-run`
    """
    from causeline.deploy.commands.dead_letters.commands import retry

    _end(settings, "retry", lambda: retry(settings, positions or [], reason=reason, since=since, dry_run=dry_run, yes=yes))


def _end(settings: "Settings", process: str, body: Callable[[], int]) -> Never:
    from causeline.deploy import logs
    from causeline.deploy.commands.dead_letters.commands import DeadLetterError

    logs.configure_logging(settings.log_level, settings.log_format, process)
    escape_what_cannot_be_shown()
    try:
        code = body()
    except DeadLetterError as error:
        refuse(str(error), error.code)
    raise SystemExit(code)
