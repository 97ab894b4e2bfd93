"""The commands, their options and their order are what scripts and people know: they change on purpose or not at all."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup
from typer.testing import CliRunner

from causeline.deploy.cli import app
from causeline.deploy.settings import Settings

SERVER = ["--url", "--token", "--tenant"]
COMMANDS = {
    "around": ["[ID]", *SERVER, "--service", "--environment", "--before", "--at", "--limit", "--json"],
    "dora": [
        *SERVER,
        *("--service", "--team", "--repo", "--project", "--environment", "--last", "--tz", "--step", "--group-by", "--attribution"),
        *("--attribution-window", "--definition", "--json"),
    ],
    "insights": [*SERVER, "--team", "--repo", "--last", "--tz", "--step", "--json"],
    "mcp": SERVER,
    "tail": [
        *SERVER,
        *("--service", "--environment", "--kind", "--status", "--priority", "--dialect", "--entity", "--tag", "--transition"),
        *("--verdict", "--q", "--from", "--stream", "--problems", "--events", "--json", "--limit"),
    ],
    "demo": [*SERVER, "--seed", "--live", "--remove"],
    "version": [],
    "up": ["settings"],
    "server": ["settings"],
    "processors": ["settings"],
    "deliver": ["settings"],
    "topics": ["settings"],
    "migrate": ["settings"],
    "settings": ["settings"],
    "rebuild": ["--apply", "--keep", "settings"],
    "token create": ["--tenant", "--scope", "--group", "--name", "--expires", "settings"],
    "token list": ["settings"],
    "token revoke": ["ID", "settings"],
    "session list": ["--tenant", "settings"],
    "session revoke": ["ID", "settings"],
    "dlq list": ["--reason", "--topic", "--since", "--limit", "--json", "settings"],
    "dlq show": ["POSITION", "--json", "settings"],
    "dlq retry": ["POSITION", "--reason", "--since", "--dry-run", "--yes", "settings"],
    "deliveries list": [*SERVER, "--subscription", "--outcome", "--what", "--entity", "--since", "--until", "--limit", "--json"],
    "deliveries show": ["ID", *SERVER, "--json"],
    "deliveries retry": ["ID", *SERVER, "--subscription", "--since", "--until", "--all", "--dry-run", "--yes"],
    "subscriptions list": [*SERVER, "--state", "--json"],
    "subscriptions show": ["ID", *SERVER, "--json"],
    "services import": ["FILE", *SERVER, "--dry-run"],
    "services list": [*SERVER, "--team", "--json"],
    "services show": ["NAME", *SERVER, "--json"],
    "causes fit": ["PAIRS", *SERVER, "--output", "--limit"],
    "causes use": ["FILE"],
}


def flags() -> list[str]:
    """Return the flag of every setting, as `Settings` orders them."""
    names = [(f"--{name.replace('_', '-')}", field.annotation is bool) for name, field in Settings.model_fields.items()]
    return [f"{flag} --no-{flag[2:]}" if switch else flag for flag, switch in names]


def commands(group: TyperGroup, before: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield every command with its options, the flags of all settings as one word."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{before}{name} ")
            continue
        parameters = [shown(each) for each in command.params]
        of_settings = flags()
        yield (
            f"{before}{name}",
            [*parameters[: -len(of_settings)], "settings"] if parameters[-len(of_settings) :] == of_settings else parameters,
        )


def shown(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        return str(parameter.metavar)
    return " ".join((*parameter.opts, *parameter.secondary_opts))


def test_every_command_has_its_options_and_those_that_run_with_settings_a_flag_for_each() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert list(commands(group)) == list(COMMANDS.items())


def test_help_says_every_command_in_the_order_that_people_know() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    places = [output.index(f"│ {name.partition(' ')[0]} ") for name in COMMANDS]
    assert places == sorted(places)


def test_a_setting_that_cannot_be_is_named_as_it_was_given_in_one_line() -> None:
    refused = CliRunner().invoke(app, ["settings", "--http-port", "high"], env={"CAUSELINE_DEDUP_WINDOW": "soon"})
    assert refused.exit_code == 2
    assert refused.stderr.startswith("causeline: --http-port: Input should be a valid integer")
    assert "; CAUSELINE_DEDUP_WINDOW: 'soon' is not a duration" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_help_loads_no_client_and_no_engine() -> None:
    program = (
        "import sys; from causeline.deploy.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {
        "aiokafka",
        "clickhouse_connect",
        "chdb",
        "granian",
        "starlette",
        "grpc",
        "faust",
        "httpx",
        "mcp",
        "structlog",
        "uvloop",
        "jgo",
    }
    assert not {name for name in heavy if repr(name) in process.stderr}
