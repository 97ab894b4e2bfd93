"""The command line. Every command takes every setting as a flag; the flags are made from `Settings`, which alone states them.

Whatever a user can get wrong ends as one line on standard error and exit code 2 (or 1 where nothing was wrong with the request), never as a
traceback. Imports are lazy: `causeline --help` loads neither the Kafka client nor the database engine.
"""

import inspect
import logging
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Annotated, Any, Final, Never

import typer

from causeline.deploy.commands.api_options import HERE, Tenant, Url
from causeline.deploy.commands.dead_letters import options as dead_letter_cli
from causeline.deploy.commands.deliveries import options as delivery_cli
from causeline.deploy.commands.subscriptions import options as subscription_cli

if TYPE_CHECKING:
    from causeline.deploy.settings import Settings

_USAGE: Final = 2
_FAILED: Final = 1

app = typer.Typer(
    help="Every change and every problem of a fleet, on one Kafka log, queryable by time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

token_app = typer.Typer(help="Make, show and revoke the tokens that callers are known by.", no_args_is_help=True)
app.add_typer(token_app, name="token")

dlq_app = typer.Typer(help="Show what was set aside (dead letters), and append it to the log again.", no_args_is_help=True)
app.add_typer(dlq_app, name="dlq")
app.add_typer(delivery_cli.app, name="deliveries")
app.add_typer(subscription_cli.app, name="subscriptions")


def main() -> None:
    """Run the command line (the entry point `causeline`)."""
    # On loopback it is no news, and whoever names a cluster without `tls=1` chose so; the client says it at every connection.
    logging.getLogger("aiokafka.conn").addFilter(lambda record: record.msg != "Sending username and password in the clear")
    app(prog_name="causeline")


def _flags() -> list[inspect.Parameter]:
    """Return one keyword parameter for each setting; None means that the flag was not given."""
    from causeline.deploy.settings import Settings  # noqa: PLC0415 - see the module

    parameters = []
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        switch = field.annotation is bool
        option = typer.Option(f"{flag}/--no-{flag[2:]}" if switch else flag, help=field.description, show_default=False)
        kind: Any = bool | None if switch else str | None
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]),
        )
    return parameters


def _command(body: Callable[["Settings", Mapping[str, str]], None]) -> None:
    """Make a function of settings and flags a command that takes every setting as a flag."""

    def command(**given: Any) -> None:
        flags = {name: value for name, value in given.items() if value is not None}
        body(_settings(flags), flags)

    command.__doc__ = body.__doc__
    # typer reads the flags from the signature and their types from the annotations.
    shown: Any = command
    shown.__signature__ = inspect.Signature(_flags())
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in _flags()}
    app.command(body.__name__.strip("_"))(command)


def _settings(flags: Mapping[str, Any]) -> "Settings":
    from pydantic import ValidationError  # noqa: PLC0415 - see the module

    from causeline.deploy.settings import PREFIX, Settings, source, unknown_variables  # noqa: PLC0415 - see the module

    for variable in unknown_variables(os.environ):
        print(f"causeline: there is no setting {variable} (see `causeline settings`)", file=sys.stderr)
    try:
        return Settings(**flags)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][0]).lower().removeprefix(PREFIX.lower()) if problem["loc"] else ""
            said = f"--{name.replace('_', '-')}" if source(name, flags, os.environ) == "flag" else PREFIX + name.upper()
            what = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{said}: {what}" if name else what)
        _refuse("; ".join(lines), _USAGE)


def _refuse(message: str, code: int) -> Never:
    print(f"causeline: {message}", file=sys.stderr)
    raise SystemExit(code)


def _needs_kafka(settings: "Settings", command: str) -> None:
    if not settings.kafka:
        _refuse(f"`causeline {command}` needs --kafka host:port,… (or CAUSELINE_KAFKA); `causeline up` runs a broker itself", _USAGE)


def up(settings: "Settings", _: Mapping[str, str]) -> None:
    """Run everything on this machine, in the foreground: broker, processors and server.

    Examples: `causeline up`, `causeline up --data-dir /var/lib/causeline --http-port 80`, `causeline up --free-ports`,
    `CAUSELINE_KAFKA=kafka-1:9092 causeline up`
    """
    from causeline.deploy.embedded.free_ports import PortError  # noqa: PLC0415
    from causeline.deploy.embedded.instance import InstanceError  # noqa: PLC0415
    from causeline.deploy.embedded.jars import JarError  # noqa: PLC0415
    from causeline.deploy.embedded.java import JavaError  # noqa: PLC0415
    from causeline.deploy.embedded.up import run  # noqa: PLC0415 - see the module
    from causeline.deploy.secrets_key import SecretsKeyError  # noqa: PLC0415

    try:
        code = run(settings)
    except (InstanceError, PortError, SecretsKeyError) as error:
        _refuse(str(error), _USAGE)
    except (JarError, JavaError) as error:
        _refuse(str(error), _FAILED)
    raise SystemExit(code)


def server(settings: "Settings", _: Mapping[str, str]) -> None:
    """Serve the HTTP APIs and fill ClickHouse; start as many as needed beside a cluster.

    Example: `causeline server --kafka kafka-1:9092 --clickhouse https://user:secret@clickhouse:8443/causeline`
    """
    _needs_kafka(settings, "server")
    _lazy("server.serve", "run")(settings)


def processors(settings: "Settings", _: Mapping[str, str]) -> None:
    """Deduplicate events and run problems through their lifecycle, exactly once; start as many as needed.

    Example: `causeline processors --kafka kafka-1:9092,kafka-2:9092`
    """
    _needs_kafka(settings, "processors")
    _lazy("process", "run")(settings)


def deliver(settings: "Settings", _: Mapping[str, str]) -> None:
    """Deliver to subscriptions: call webhooks, write to Slack; start as many as needed.

    Example: `causeline deliver --kafka kafka-1:9092,kafka-2:9092 --delivery-allow hooks.internal`
    """
    _needs_kafka(settings, "deliver")
    _lazy("deliver", "run")(settings)


def topics(settings: "Settings", _: Mapping[str, str]) -> None:
    """Show the topics: owner, key, schema, retention, and the partitions they have where a broker answers.

    Example: `causeline topics --kafka 127.0.0.1:19092`
    """
    _lazy("topics", "show")(settings)


def migrate(settings: "Settings", _: Mapping[str, str]) -> None:
    """Bring the tables of ClickHouse up to date; does nothing where they are.

    Example: `causeline migrate --clickhouse https://user:secret@clickhouse:8443/causeline`
    """
    _lazy("store", "run")(settings)


def settings(settings: "Settings", flags: Mapping[str, str]) -> None:
    """Show every setting, its value and where it came from: default, environment or flag.

    Example: `CAUSELINE_HTTP_PORT=9000 causeline settings --partitions 8`
    """
    _lazy("commands.settings_table", "show")(settings, flags, os.environ)


def _lazy(module: str, function: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(f"causeline.deploy.{module}"), function)
    return found


def _token_command(body: Callable[..., None], name: str, group: typer.Typer = token_app) -> None:
    """Make a function of settings and its own options a command (below `causeline token`), with every setting as a flag."""
    own = [parameter for parameter in inspect.signature(body).parameters.values() if parameter.name != "settings"]

    def command(**given: Any) -> None:
        from causeline.deploy import logs  # noqa: PLC0415 - see the module
        from causeline.deploy.commands.tokens import TokenError  # noqa: PLC0415

        options = {parameter.name: given.pop(parameter.name) for parameter in own}
        settings = _settings({name: value for name, value in given.items() if value is not None})
        logs.configure(settings.log_level, settings.log_format, "token" if group is token_app else name)
        try:
            body(settings, **options)
        except TokenError as error:
            _refuse(str(error), _FAILED)

    signature = [*(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own), *_flags()]
    shown: Any = command
    shown.__doc__ = body.__doc__
    shown.__signature__ = inspect.Signature(signature)
    shown.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    group.command(name)(command)


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
    made = _lazy("commands.tokens", "create")
    print(made(settings, tenant=tenant, scopes=scope, groups=group or [], name=name, expires=expires))


def token_list(settings: "Settings") -> None:
    """Show the tokens that were not revoked; never the tokens themselves."""
    _lazy("commands.tokens", "show")(settings)


def token_revoke(settings: "Settings", token_id: Annotated[str, typer.Argument(metavar="ID", help="Id of `causeline token list`")]) -> None:
    """Take a token away; every server refuses it from then on."""
    _lazy("commands.tokens", "revoke")(settings, token_id)


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
    from causeline.deploy.commands.rebuild.command import RebuildError, run  # noqa: PLC0415
    from causeline.deploy.embedded.instance import InstanceError  # noqa: PLC0415 - see the module
    from causeline.deploy.embedded.jars import JarError  # noqa: PLC0415
    from causeline.deploy.embedded.java import JavaError  # noqa: PLC0415

    try:
        code = run(settings, apply=apply, keep=keep)
    except InstanceError as error:
        _refuse(str(error), _USAGE)
    except (RebuildError, JarError, JavaError) as error:
        _refuse(str(error), _FAILED)
    raise SystemExit(code)


@app.command()
def mcp(
    url: Url = HERE,
    token: Annotated[str, typer.Option(envvar="CAUSELINE_MCP_TOKEN", help="Token, where the server asks for one", show_default=False)] = "",
    tenant: Tenant = "",
) -> None:
    """Offer a running server's tools to a language model over standard input and output (Model Context Protocol).

    Example: `CAUSELINE_MCP_TOKEN=… causeline mcp --url https://causeline.example`
    """
    from causeline.deploy.commands.mcp import Unreachable, run  # noqa: PLC0415 - see the module

    try:
        run(url, token, tenant)
    except Unreachable as error:
        _refuse(str(error), _FAILED)


_Many = list[str] | None


def _filter(what: str) -> Any:
    return typer.Option(help=f"{what}; may be given more than once", show_default=False)


@app.command()
def tail(
    url: Url = HERE,
    token: Annotated[
        str, typer.Option(envvar="CAUSELINE_TAIL_TOKEN", help="Token, where the server asks for one", show_default=False)
    ] = "",
    tenant: Tenant = "",
    service: Annotated[_Many, _filter("Only this service")] = None,
    environment: Annotated[_Many, _filter("Only this environment")] = None,
    kind: Annotated[_Many, _filter("Only this kind, such as deployment")] = None,
    status: Annotated[_Many, _filter("Only events with this status")] = None,
    priority: Annotated[_Many, _filter("Only this priority, P1 to P5")] = None,
    dialect: Annotated[_Many, _filter("Only what came through this API")] = None,
    entity: Annotated[_Many, _filter("Only what is attached to this entity")] = None,
    tag: Annotated[_Many, _filter("Only with this tag, as key:value (a colon of the key is \\:)")] = None,
    transition: Annotated[_Many, _filter("Only this transition of problems, such as opened")] = None,
    q: Annotated[str, typer.Option("--q", help="Only with all these words in title or text", show_default=False)] = "",
    since: Annotated[str, typer.Option("--from", help="Begin in the past: 1h, now-2d, a date or a time", show_default=False)] = "",
    *,
    problems: Annotated[bool, typer.Option("--problems", help="Only problems")] = False,
    events: Annotated[bool, typer.Option("--events", help="Only events")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON of each message")] = False,
    limit: Annotated[int, typer.Option(min=0, help="End after so many messages; 0 never")] = 0,
) -> None:
    """Follow events and problems of a running server, one line each; it connects again by itself, and Ctrl-C ends it.

    Examples: `causeline tail --service checkout --from 1h`, `causeline tail --problems --json | jq .title`,
    `CAUSELINE_TAIL_TOKEN=… causeline tail --url https://causeline.example`
    """
    from causeline.deploy.commands.tail.command import TailError, asked, run  # noqa: PLC0415 - see the module

    followed = [name for name, wanted in (("events", events), ("problems", problems)) if wanted]
    filters = {
        "stream": followed,
        "service": service or [],
        "environment": environment or [],
        "kind": kind or [],
        "status": status or [],
        "priority": priority or [],
        "dialect": dialect or [],
        "entity": entity or [],
        "tag": tag or [],
        "transition": transition or [],
        "q": [q] if q else [],
    }
    try:
        run(asked(url, token, tenant, filters, since=since, as_json=as_json, limit=limit))
    except TailError as error:
        _refuse(str(error), _FAILED)


@app.command()
def version() -> None:
    """Print the version."""
    print(installed_version("causeline"))


for _body in (up, server, processors, deliver, topics, migrate, settings):
    _command(_body)
for _name, _token_body in (("create", token_create), ("list", token_list), ("revoke", token_revoke)):
    _token_command(_token_body, _name)
_token_command(rebuild, "rebuild", app)
for _name, _dlq_body in (("list", dead_letter_cli.dlq_list), ("show", dead_letter_cli.dlq_show), ("retry", dead_letter_cli.dlq_retry)):
    _token_command(_dlq_body, _name, dlq_app)


if __name__ == "__main__":
    main()
