"""What the command line costs before it does anything: CPU of `causeline --help` beside an interpreter that does nothing."""

import resource
import statistics
import subprocess
import sys
from typing import Final

from tests.bench.report import Report, most

TIMES: Final = 10
NOTHING: Final = ("-c", "pass")
CALLS: Final = {"help": (("--help",), 200), "help of a command": (("up", "--help"), None), "version": (("version",), None)}
"""The arguments, and how much it may cost at most, ms."""


def commands(report: Report) -> None:
    """CPU of the command line's calls that do nothing but print, beside `python -c pass`."""
    calls = {"": NOTHING, **{name: ("-m", "causeline.deploy.cli", *arguments) for name, (arguments, _) in CALLS.items()}}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(TIMES):
        for name, arguments in calls.items():
            taken[name].append(cpu_ms(arguments))
    nothing, *medians = (statistics.median(figures) for figures in taken.values())
    for (name, (_, aim)), median in zip(CALLS.items(), medians, strict=True):
        report.add(f"command line, {name}: CPU", median, "ms", nothing, "python -c pass", aim=most(aim) if aim else None)


def cpu_ms(arguments: tuple[str, ...]) -> float:
    """Return the CPU time of one run of the interpreter, user and system, ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3
