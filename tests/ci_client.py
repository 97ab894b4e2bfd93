"""Runs the CI client as a job does: another process, with an environment of its own."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final

from tests.source_tree import ROOT

CLIENT: Final = ROOT / "deploy" / "ci"
KILLED: Final = -signal.SIGKILL
TOKEN: Final = "token-of-a-test"
GITHUB: Final = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "shop/checkout",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_JOB": "deploy",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_SERVER_URL": "https://github.example",
}
_DIES: Final = """
import os, signal, sys
last, folder, seen = int(sys.argv[1]), sys.argv[2], 0
def hear(name, arguments):
    global seen
    touches = name in ("open", "os.rename", "os.remove", "os.mkdir", "os.scandir") and folder in str(arguments[0])
    if touches or name in ("socket.connect", "http.client.send"):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hear)
from causeline_ci.cli import main
main(sys.argv[3:])
"""
"""A client that kill -9 ends before its n-th step: whatever it does to the folder or to a socket is one."""


def environment_of(url: str, folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a job: nothing of the one of the tests but what Python needs."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    own = {"PYTHONPATH": str(CLIENT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder.parent), "no_proxy": "*"}
    return {**inherited, **own, "CAUSELINE_URL": url, "CAUSELINE_TOKEN": TOKEN, "CAUSELINE_SPOOL": str(folder), **more}


def run_client(environment: Mapping[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, "-m", "causeline_ci", *arguments], environment, stdin)


def run_doomed(environment: Mapping[str, str], folder: Path, step: int, *arguments: str) -> int:
    """Run a client that dies before its step of this number (from 1), if it gets there; return its exit code."""
    return _run([sys.executable, "-c", _DIES, str(step), str(folder), *arguments], environment, "").returncode


def _run(command: list[str], environment: Mapping[str, str], stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=dict(environment), input=stdin, capture_output=True, text=True, check=False, timeout=120)


def call_client(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a client in this process, which costs a tenth; not for children and signals, which need a process."""
    from causeline_ci.cli import run_client as run  # noqa: PLC0415 - who puts its folder on the path is the conftest of its tests

    before, output, errors = dict(os.environ), io.StringIO(), io.StringIO()
    os.environ.clear()
    os.environ.update(environment)
    try:
        with redirect_stdout(output), redirect_stderr(errors):
            try:
                code = run(list(arguments))
            except SystemExit as end:
                code = int(end.code or 0)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())
