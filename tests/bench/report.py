"""The table of a benchmark run: one row a figure, with its aim, its ceiling of the same run, and the ratio of the two.

A row is kept as plain data, so that a run can be written as JSON and drawn later (`plots.py`).
"""

import json
import os
import platform
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


class Aim(NamedTuple):
    """What a figure must reach: `least` and `most` compare the figure itself, `share` its ratio to the ceiling."""

    kind: Literal["least", "most", "share"]
    value: float

    def is_met(self, figure: float, ratio: float | None) -> bool:
        match self.kind:
            case "least":
                return figure >= self.value
            case "most":
                return figure <= self.value
            case "share":
                return ratio is not None and ratio >= self.value

    def __str__(self) -> str:
        match self.kind:
            case "least":
                return f"≥ {self.value:,.0f}"
            case "most":
                return f"≤ {self.value:,.0f}"
            case "share":
                return f"≥ {self.value:.0%}"


def newest_series(kind: str, *names: str) -> dict[str, list[dict[str, Any]]]:
    """Return the series of the newest run of a kind (`bench`, `volume`, `soak`) that holds one of them, an empty one where no run does."""
    for path in sorted(RESULTS.glob(f"{kind}-*.json"), reverse=True):
        curves: dict[str, list[dict[str, Any]]] = json.loads(path.read_text()).get("series", {})
        if any(name in curves for name in names):
            return curves
    return {}


def least(value: float) -> Aim:
    return Aim("least", value)


def most(value: float) -> Aim:
    return Aim("most", value)


def share(value: float) -> Aim:
    return Aim("share", value)


class Row(NamedTuple):
    """One figure."""

    what: str
    reached: float
    unit: str
    ceiling: float | None
    of: str
    note: str
    aim: Aim | None

    @property
    def ratio(self) -> float | None:
        return self.reached / self.ceiling if self.ceiling else None

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "reached" if self.aim.is_met(self.reached, self.ratio) else "SHORT"


class Report:
    """Collects the rows of one run, the series to draw, and prints both as they come."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.series: dict[str, list[dict[str, Any]]] = {}
        self.console = Console(width=170)
        self.began = time.time()

    def add(
        self, what: str, figure: float, unit: str, ceiling: float | None = None, of: str = "", note: str = "", aim: Aim | None = None
    ) -> None:
        row = Row(what, figure, unit, ceiling, of, note, aim)
        self.rows.append(row)
        ratio_note = f" ({row.ratio:.0%} of {ceiling:,.0f} {of})" if row.ratio is not None else ""
        aimed = f" [{aim}: {row.verdict}]" if aim else ""
        self.console.print(f"  {what}: {figure:,.1f} {unit}{ratio_note}{aimed} {note}", markup=False)

    def point(self, series: str, **values: float | str) -> None:
        """Add one point of a curve: its figures, and names of what it is a point of."""
        self.series.setdefault(series, []).append(values)

    def print(self) -> None:
        table = Table(title="Causeline beside its ceilings, one run")
        for heading in ("what", "aim", "ceiling", "of", "reached", "unit", "ratio", "", "note"):
            table.add_column(heading, justify="right" if heading in ("reached", "ceiling", "ratio", "aim") else "left")
        for row in self.rows:
            table.add_row(
                row.what,
                str(row.aim or ""),
                f"{row.ceiling:,.0f}" if row.ceiling else "",
                row.of,
                f"{row.reached:,.1f}",
                row.unit,
                f"{row.ratio:.0%}" if row.ratio is not None else "",
                row.verdict,
                row.note,
            )
        self.console.print(table)

    def save(self, name: str = "bench") -> Path:
        """Write the run as JSON beside the others and return where."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}.local.json"
        rows = [
            {**row._asdict(), "ratio": row.ratio, "verdict": row.verdict, "aim": str(row.aim) if row.aim else None} for row in self.rows
        ]
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        run = {"began": self.began, "seconds": time.time() - self.began, "machine": machine, "rows": rows, "series": self.series}
        path.write_text(json.dumps(run, indent=1))
        return path
