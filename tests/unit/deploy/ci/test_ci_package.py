"""The client stands alone: syntax and library of Python 3.9, nothing installed, a quick start, one file."""

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from causeline_ci import __version__
from causeline_ci.zip import write_archive

from tests.ci_client import CLIENT, call_client, environment_of
from tests.ci_server import CiServer
from tests.source_tree import ROOT

SOURCES = sorted((CLIENT / "causeline_ci").glob("*.py"))
SLOW = {"ssl", "http.client", "http.server", "urllib.request", "subprocess", "asyncio", "inspect", "email", "socket"}
"""What a command that sends nothing does without."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_python_3_9_reads_it_and_only_its_library_is_imported(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    nodes = list(ast.walk(module))
    names = {each.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for each in node.names}
    names |= {(node.module or "").partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    assert names <= sys.stdlib_module_names


def test_help_loads_nothing_that_sends() -> None:
    program = (
        "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from causeline_ci.cli import main; main(['--help'])"
    )
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(CLIENT)!r})\n{program}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert SLOW & set(json.loads(done.stderr)) == set()


@pytest.mark.parametrize("command", ["", "send", "start", "finish", "run", "flush", "env", "doctor"])
def test_each_help_has_an_example(command: str, folder: Path) -> None:
    result = call_client(environment_of("", folder), *([command] if command else []), "--help")
    assert (result.returncode, f"causeline-ci {command}" in result.stdout.partition("example")[2]) == (0, True)


def test_versions_agree(folder: Path) -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text("utf-8"))["project"]
    assert call_client(environment_of("", folder), "--version").stdout == f"causeline-ci {project['version']}\n"
    assert project["version"] == __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert project["dependencies"] == []


def test_one_file_is_the_client_and_always_the_same_bytes(server: CiServer, folder: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "a.pyz", tmp_path / "b.pyz"]
    assert [write_archive(str(path)) for path in paths] == [path.stat().st_size for path in paths]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    environment = {name: value for name, value in environment_of(server.url, folder).items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, str(paths[0]), "send", "build", "--title", "one"], env=environment, check=True)
    assert len(server.by_title("one")) == 1
