"""How insights are shown: the window, a row a stage. Pure.

Custom names are written by clients: nothing that steers a terminal is printed (`visible`).
"""

from collections.abc import Mapping
from typing import Any, Final

from rich.table import Table

from causeline.deploy.commands.distances import short_duration
from causeline.deploy.terminal import visible

_NAME: Final = 32
_COUNTS: Final = 80

InsightsView = Mapping[str, Any]


def window_line(answer: InsightsView) -> str:
    """Return what stands above the table."""
    window = answer["window"]
    line = f"{visible(window['from'])} to {visible(window['to'])} ({visible(window['tz'])})"
    return line if answer["stages"] else f"{line}: no lifecycle events"


def stage_table(answer: InsightsView) -> Table:
    """Return the stages: success with its interval, durations, open runs, and the median from a commit until the stage was over."""
    medians = {step["stage"]: step["p50"] for step in answer["flow"]}
    table = Table(box=None, pad_edge=False)
    table.add_column("stage", no_wrap=True)
    for heading in ("ended", "success", "95 %", "p50", "p90", "p95", "running", "never finished", "from commit"):
        table.add_column(heading, no_wrap=True, justify="right")
    table.add_column("events", no_wrap=True)
    for stage in answer["stages"]:
        rate, duration = stage["success_rate"], stage["duration"]
        counts = ", ".join(f"{n} {action or 'without action'}" for action, n in stage["counts"].items())
        table.add_row(
            visible(stage["stage"], _NAME),
            str(rate["denominator"]),
            _share(rate["value"]),
            "-" if rate["interval"] is None else " to ".join(map(_share, rate["interval"])),
            *(_time(duration[name]) for name in ("p50", "p90", "p95")),
            str(stage["running"]),
            str(stage["never_finished"]),
            _time(medians.get(stage["stage"])),
            visible(counts, _COUNTS),
        )
    return table


def _share(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else short_duration(seconds)
