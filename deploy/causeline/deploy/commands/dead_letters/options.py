"""The options of `causeline dlq`: functions that `cli.py` makes commands of. It loads neither the Kafka client nor anything else heavy."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Final, Never

import typer

from causeline.deploy.commands.api_options import Json

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings

_MODULE: Final = "causeline.deploy.commands.dead_letters.commands"

Reason = Annotated[str, typer.Option(help="Only those set aside for this reason, such as undecodable", show_default=False)]
Since = Annotated[str, typer.Option(help="Only those set aside in the last 30m, 2h, 7d, …", show_default=False)]


def dlq_list(
    settings: "Settings",
    *,
    reason: Reason = "",
    topic: Annotated[str, typer.Option(help="Only those that lay on this topic", show_default=False)] = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(help="How many at most")] = 100,
    as_json: Json = False,
) -> None:
    """Show what was set aside, newest first: where it lies, when and why, where it came from, and whether it was retried.

    Examples: `causeline dlq list`, `causeline dlq list --reason undecodable --since 2h`, `causeline dlq list --json | jq .reason`
    """
    _end(lambda: _body("show_list")(settings, reason=reason, topic=topic, since=since, limit=limit, as_json=as_json))


def dlq_show(
    settings: "Settings",
    position: Annotated[str, typer.Argument(metavar="POSITION", help="partition:offset, from `causeline dlq list`")],
    *,
    as_json: Json = False,
) -> None:
    """Show everything of one of them: the record decoded, or its bytes, and whether it may be retried.

    Examples: `causeline dlq show 0:17`, `causeline dlq show 0:17 --json | jq -r .value | base64 -d > record`
    """
    _end(lambda: _body("show_one")(settings, position, as_json=as_json))


def dlq_retry(
    settings: "Settings",
    positions: Annotated[list[str] | None, typer.Argument(metavar="POSITION", help="partition:offset, from `causeline dlq list`")] = None,
    *,
    reason: Annotated[str, typer.Option(help="All set aside for this reason and not retried yet", show_default=False)] = "",
    since: Since = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before retrying what --reason chose")] = False,
) -> None:
    """Append records to the ingest log again, each at most once, where that can help and harms nothing; say why not elsewhere.

    Exit code 0 where all of them went, else 1. After an upgrade this brings in what the old version could not read.

    Examples: `causeline dlq retry 0:17 3:4`, `causeline dlq retry --reason unknown_op --since 7d --dry-run`
    """
    _end(lambda: _body("retry")(settings, positions or [], reason=reason, since=since, dry_run=dry_run, yes=yes))


def _body(name: str) -> Callable[..., int]:
    found: Callable[..., int] = getattr(import_module(_MODULE), name)
    return found


def _end(body: Callable[[], int]) -> Never:
    from causeline.deploy.commands.dead_letters.log import DeadLetterError  # noqa: PLC0415 - `causeline --help` shall not load the client

    # A terminal that cannot show a character gets its escape instead of a trace.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = body()
    except DeadLetterError as error:
        print(f"causeline: {error}", file=sys.stderr)
        code = error.code
    raise SystemExit(code)
