"""The child of `run`: its streams and its exit code are the job's, and nothing of ours comes between.

What has to be sent is sent beside it, on a thread. Signals are passed on, and a child that is killed by signal n is exit code 128 + n.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

NOT_EXECUTABLE, NOT_THERE = 126, 127
_BY_SIGNAL = 128
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK", "SIGWINCH", "SIGCONT")


def run_child(command: list[str]) -> int:
    """Run a command to its end; return its exit code as a shell would have it (126, 127, 128 + n). Needs the main thread."""
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []
    _forward_signals(children, early)
    try:
        child = subprocess.Popen(command)
    except FileNotFoundError as error:
        print(f"causeline-ci: {command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_THERE
    except (OSError, ValueError) as error:
        print(f"causeline-ci: {command[0]}: {error}", file=sys.stderr)
        return NOT_EXECUTABLE
    children.append(child)
    for number in early:
        child.send_signal(number)
    code = child.wait()
    return code if code >= 0 else _BY_SIGNAL - code


def _forward_signals(children: list[subprocess.Popen[bytes]], early: list[int]) -> None:
    """Pass on to the children what comes; what comes before there is one goes into `early`. What is ignored stays so."""

    def forward(number: int, _: Any) -> None:
        if number == signal.SIGINT and sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
            return  # a terminal sends it to the child as well
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)
