"""How far a rebuild is: a bar on a terminal, elsewhere a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from causeline.deploy.commands.rebuild.text import lines_of
from causeline.processors.sink.comparison import Comparison

_EVERY_S: Final = 5.0


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

    @contextmanager
    def copying(self, total: int) -> Iterator[Callable[[int], None]]:
        """Show the way to `total` offsets; the function given takes how many are done."""
        began = reported_at = self._clock()
        if self._console.is_terminal:
            rate = TextColumn("{task.fields[rate]:,.0f}/s")
            columns = (TextColumn("reading the log"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
            with Progress(*columns, console=self._console, transient=True) as bar:
                task = bar.add_task("", total=total, rate=0.0)
                yield lambda count: bar.update(task, completed=count, rate=count / max(self._clock() - began, 0.001))
            return

        def advance(count: int) -> None:
            nonlocal reported_at
            now = self._clock()
            if now - reported_at >= _EVERY_S:
                reported_at = now
                rate = count / (now - began)
                self.line(f"read {count} of {total} offsets, {rate:.0f}/s, {(total - count) / max(rate, 1):.0f} s remain")

        yield advance


def progress() -> ConsoleReport:
    """Return a report on standard output."""
    return ConsoleReport(Console(), time.monotonic)
