"""Child processes that never outlive this one, in sessions of their own.

Linux sends the parent-death signal when the *thread* that forked ends, not the process. So every child is forked by one thread
that lives as long as this process: a child started from a short-lived worker thread would otherwise be killed with it.
A session of its own keeps a Ctrl-C on the terminal away from the children: the supervisor decides in which order they stop.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import IO, Final

_TETHER: Final = Path(__file__).with_name("tether.py")

ProcessOutput = IO[bytes] | int | None
"""Where a child writes: a file, a constant of `subprocess`, or None for what this process writes to."""


def spawn(
    argv: Sequence[str], *, env: Mapping[str, str], output: ProcessOutput = None, errors: ProcessOutput = None
) -> subprocess.Popen[bytes]:
    """Start a program (an absolute path first) that is killed when this process ends, however it ends.

    `output` gets its standard output and, unless `errors` says otherwise, its standard error too.
    """
    return _forker().submit(_start, list(argv), dict(env), output, errors).result()


def _start(argv: list[str], env: dict[str, str], output: ProcessOutput, errors: ProcessOutput) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *argv]
    aside = subprocess.STDOUT if errors is None and output is not None else errors
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=aside, start_new_session=True)


@cache
def _forker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawn")


def stop_process(process: subprocess.Popen[bytes], deadline_s: float) -> int:
    """Ask a child to stop (SIGTERM), kill it after the deadline, and return how it ended (negative: by that signal)."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()
