"""The table of a fault run: one row a fault, printed when the run ends and written to `results/chaos.local.json`.

A test adds its row as soon as it knows the verdict, *before* it asserts on it, so that a failed fault stands in the table too:

    summary.add(Row(fault="broker frozen 60 s", seconds_unavailable=61.2, seconds_unlisted=63.0,
                    lost=0, doubled=0, out_of_order=0, seen_by="log `process failed`; causeline_ready{part=\"broker\"} 0"))

`None` for a number says that the fault did not measure it (it is printed as `-`). `conftest.py` of this folder prints the table.
"""

import json
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).with_name("results") / "chaos.local.json"

_HEADS = ("fault", "writes away s", "lists late s", "lost", "doubled", "out of order", "an operator sees")


class Row(NamedTuple):
    """What one fault did to the users, and by what an operator saw it."""

    fault: str
    seconds_unavailable: float | None
    """The longest gap between two acknowledged writes, as clients saw it."""
    seconds_unlisted: float | None
    """The longest time from a write's acknowledgement to its event being listed."""
    lost: int | None
    doubled: int | None
    out_of_order: int | None
    seen_by: str
    """The log line or metric by which an operator sees the fault, as it was found."""


_rows: list[Row] = []


def add(row: Row) -> None:
    """Keep a row for the table at the end of the run."""
    _rows.append(row)
    print(_cells(row), flush=True)


def rows() -> tuple[Row, ...]:
    """Return the rows added so far, in order."""
    return tuple(_rows)


def table(fault_rows: tuple[Row, ...]) -> list[str]:
    """Return the lines of the table: columns as wide as their widest cell."""
    cells = [_HEADS, *(_cells(row) for row in fault_rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def write(fault_rows: tuple[Row, ...], path: Path = RESULTS) -> None:
    """Write the rows as JSON, for a comparison with the next run."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([row._asdict() for row in fault_rows], indent=2) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    return (row.fault, *(_number(value) for value in row[1:-1]), row.seen_by)


def _number(value: str | float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
