"""A process that stands still: stopped by a signal as a whole, and only then taken for stopped."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import patience


def stand_still(pid: int) -> None:
    """Stop a process, and wait until each of its threads has stopped: the signal takes a moment, in which one more answer slips by."""
    os.kill(pid, signal.SIGSTOP)
    patience.asked(lambda: _stopped(pid))


def go_on(pid: int) -> None:
    """Let a process that stands still go on. Does nothing to one that has ended."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Keep a process still while the block runs."""
    stand_still(pid)
    try:
        yield
    finally:
        go_on(pid)


def _stopped(pid: int) -> bool:
    return all(_state(task) in "TtZX" for task in Path(f"/proc/{pid}/task").iterdir())


def _state(task: Path) -> str:
    try:
        return task.joinpath("stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile
        return "X"
