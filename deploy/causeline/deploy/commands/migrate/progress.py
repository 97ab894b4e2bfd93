"""How far a copy is: a bar on a terminal, elsewhere a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_EVERY_S: Final = 5.0


class BackfillBar:
    """See BackfillReport."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock

    @contextmanager
    def backfilling(self, total: int) -> Iterator[Callable[[int], None]]:
        """See BackfillReport."""
        if self._console.is_terminal:
            columns = (TextColumn("copying events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=self._console, transient=True) as bar:
                task = bar.add_task("", total=total)
                yield lambda count: bar.update(task, completed=count)
            return
        began = reported_at = self._clock()

        def advance(count: int) -> None:
            nonlocal reported_at
            now = self._clock()
            if now - reported_at >= _EVERY_S:
                reported_at = now
                seconds = (total - count) * (now - began) / max(count, 1)
                self._console.print(f"copied {count:,} of {total:,} rows, {seconds:.0f} s remain", highlight=False)

        yield advance
