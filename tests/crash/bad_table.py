"""What became of a bad endpoint, as a row of a table. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

LATE_MS: Final = 1_000.0
"""Waiting for an endpoint that does not answer would cost the healthy one the timeout of an attempt, 2 s."""

_HEADS: Final = (
    "case",
    "deliveries",
    "attempts",
    "statuses",
    "breaker",
    "all told s",
    "lost",
    "out of order",
    "healthy p99 ms, quiet",
    "healthy p99 ms",
)


class Row(NamedTuple):
    """Deliveries and attempts are those to the bad endpoint; lost and out of order count both. `told_s`: seconds from when the endpoint was
    well again until it had taken every event that was sent before. `quiet_p99_ms` is of all tenants of the stack before the faults.
    """

    case: str
    deliveries: int
    attempts: int
    statuses: Counter[str]
    breaker: str
    told_s: float
    lost: int
    out_of_order: int
    quiet_p99_ms: float
    healthy_p99_ms: float
    wrong: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """Return all that must not be, in words."""
        texts = [f"{self.case}: {each}" for each in self.wrong]
        texts += [f"{self.case}: {number} {name}" for number, name in ((self.lost, "lost"), (self.out_of_order, "out of order")) if number]
        if not self.healthy_p99_ms <= self.quiet_p99_ms + LATE_MS:
            texts.append(f"{self.case}: the healthy endpoint was late, p99 {self.healthy_p99_ms:.0f} ms beside {self.quiet_p99_ms:.0f} ms")
        return texts


def p99_ms(seconds: Iterable[float]) -> float:
    """Return the 99th percentile (nearest rank) in ms, infinity without any: who was told nothing was told late."""
    ordered = sorted(seconds)
    return ordered[-(-len(ordered) * 99 // 100) - 1] * 1_000 if ordered else float("inf")


def table(rows: Iterable[Row]) -> list[str]:
    """Return the lines of the table."""
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _cells(row: Row) -> tuple[str, ...]:
    statuses = ", ".join(f"{count} {status}" for status, count in row.statuses.most_common())
    counts = (str(row.deliveries), str(row.attempts), statuses, row.breaker, f"{row.told_s:.1f}", str(row.lost), str(row.out_of_order))
    return (row.case, *counts, f"{row.quiet_p99_ms:.0f}", f"{row.healthy_p99_ms:.0f}")
