"""A help loads what prints it and nothing else, and says what it would say if it had loaded everything."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    *("pydantic", "pydantic_core", "pydantic_settings", "msgspec", "cryptography", "annotated_types"),
    *("aiokafka", "clickhouse_connect", "chdb", "granian", "starlette", "grpc", "faust", "httpx", "mcp", "structlog", "uvloop", "jgo"),
    *("asyncio", "ssl", "email", "http", "numpy", "prometheus_client", "yaml", "fastavro"),
    *("markdown_it", "pygments", "attr"),
}
MAIN = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from causeline.deploy.cli import main
main()
"""
PLAIN = "from causeline.deploy.cli import app; app(prog_name='causeline')"
GROUPS: tuple[list[str], ...] = ([], ["token"], ["dlq"], ["deliveries"], ["subscriptions"])


def output(program: str, *arguments: str) -> tuple[str, str, int]:
    """Return (standard output, standard error, exit code) of a program in an interpreter of its own."""
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, env=environment)
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("arguments", [[*group, "--help"] for group in GROUPS] + [["-h"], [], ["tail", "--help"]])
def test_a_help_loads_what_prints_it_and_nothing_else(arguments: list[str]) -> None:
    _, modules, _ = output(MAIN, *arguments)
    assert HEAVY & {name.partition(".")[0] for name in json.loads(modules)} == set()


@pytest.mark.parametrize(
    "arguments", [["--help"], [], ["dlq", "--help"], ["up", "-h"], ["token", "create", "--help"], ["up", "--no", "-h"]]
)
def test_a_help_says_the_same_as_with_everything_loaded(arguments: list[str]) -> None:
    assert output(f"import rich.markdown, rich.traceback; {PLAIN}", *arguments) == output(
        "from causeline.deploy.cli import main; main()", *arguments
    )


def test_what_the_help_did_without_can_be_loaded_afterwards() -> None:
    seen, _, _ = output(
        "from causeline.deploy.commands.help_loading import load_help; load_help()\n"
        "from rich.markdown import Markdown; from rich.traceback import Traceback\n"
        "print(Markdown('*x*').parsed[0].type, Traceback.__module__)"
    )
    assert seen.split() == ["paragraph_open", "rich.traceback"]


def test_where_the_help_wants_more_it_loads_everything() -> None:
    renamed = (
        "from causeline.deploy.commands import help_loading\n"
        "help_loading._UNUSED = {'rich.markdown': 'Paragraph', 'rich.traceback': 'Trace'}\n"
        "from causeline.deploy.cli import main; main()"
    )
    assert output(renamed, "--help") == output(PLAIN, "--help")
