"""What a rebuild tells while it runs."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from rich.console import Console

from causeline.deploy.commands.counting import Work, counting
from causeline.deploy.commands.rebuild.text import lines_of
from causeline.processors.sink.comparison import Comparison

_READING: Final = Work("reading the log", "read", "offsets")


class ConsoleReport:
    """Prints what a rebuild does. Offsets are what is counted: they include the markers of transactions."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock

    def line(self, text: str) -> None:
        """Print one line as it is."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def outcome(self, comparison: Comparison) -> None:
        """Print what a comparison found."""
        for line in lines_of(comparison):
            self.line(line)

    def copying(self, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show the way to `total` offsets; the function given takes how many are done."""
        return counting(self._console, self._clock, _READING, total)


def progress() -> ConsoleReport:
    """Return a report on standard output."""
    return ConsoleReport(Console(), time.monotonic)
