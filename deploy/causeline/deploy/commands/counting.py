"""How far long work is: a bar on a terminal, elsewhere a line every few seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_EVERY_S: Final = 5.0


class Work(NamedTuple):
    """What is counted: the bar's title (`reading the log`), and the line's verb (`read`) and noun (`offsets`)."""

    title: str
    verb: str
    noun: str


@contextmanager
def counting(console: Console, clock: Callable[[], float], work: Work, total: int) -> Iterator[Callable[[int], None]]:
    """Show the way to `total` for the length of a block; the function given takes how many are done."""
    began = reported_at = clock()
    if console.is_terminal:
        rate = TextColumn("{task.fields[rate]:,.0f}/s")
        columns = (TextColumn(work.title), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=total, rate=0.0)
            yield lambda count: bar.update(task, completed=count, rate=count / max(clock() - began, 0.001))
        return

    def advance(count: int) -> None:
        nonlocal reported_at
        now = clock()
        if now - reported_at >= _EVERY_S:
            reported_at = now
            rate = count / (now - began)
            text = f"{work.verb} {count} of {total} {work.noun}, {rate:.0f}/s, {(total - count) / max(rate, 1):.0f} s remain"
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    yield advance
