"""What a part of a history sums to: all that the metrics of it are made of, however the history is held.

A history is held twice: as judgements that can be taken apart (`history.py`), and as columns for what only sums
(`columns/history_columns.py`). Both count into this, and one set of formulas makes the metrics of it (`dora_metrics.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple, Protocol, Self

import msgspec

from causeline.query_api.dora.dora_facts import ProblemFact
from causeline.query_api.dora.dora_scope import GroupColumn
from causeline.query_api.dora.judging_deployments import NoRecovery, over_at, why_not_over
from causeline.query_api.dora.windows import Calendar, ZonedSpan
from causeline.schemas.dora.definition import Timeouts


class Durations(NamedTuple):
    """How many there are, and their median in ms: of an even number the mean of the middle two, None of nothing."""

    size: int
    median: float | None


class DoraCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of deployments, of those that failed and those that were unplanned, and of what does not count.

    `days` are the numbers of the calendar's days on which something was deployed. `is_partial`: of some deployment only the newest commit
    is known. `has_source`: somebody ever reported a problem. What has no duration is counted by the reason.
    """

    deployments: int
    failures: int
    reworks: int
    attempts: int
    placeless: int
    days: frozenset[int]
    lead_times: Durations
    no_lead_times: Mapping[str, int]
    is_partial: bool
    recoveries: Durations
    no_recoveries: Mapping[str, int]
    restorations: Durations
    no_restorations: Mapping[str, int]
    has_source: bool


class DoraPart(Protocol):
    """A history or a part of it: it can be cut, and counted."""

    def within(self, span: ZonedSpan) -> Self:
        """Return the part that ended in a span; problems those that opened in it."""
        ...

    def split(self, column: GroupColumn) -> dict[str, Self]:
        """Return a part for each value of a column that something but a source has, in order of the values."""
        ...

    def count(self, calendar: Calendar, timeouts: Timeouts) -> DoraCounts:
        """Return what it sums to."""
        ...


def durations_of(values: Sequence[int]) -> Durations:
    """Return what durations in ms sum to."""
    return Durations(len(values), median(values) if values else None)


def tally_reasons(reasons: Iterable[NoRecovery]) -> dict[str, int]:
    """Return how often it is not known when something was over, by reason."""
    counts: dict[str, int] = {"still_open": 0, "timed_out": 0, "abandoned": 0}
    for reason in reasons:
        counts[reason] += 1
    return counts


def count_restorations(problems: Iterable[ProblemFact], timeouts: Timeouts) -> tuple[Durations, dict[str, int]]:
    """Return how long problems took from opening to close, and how many of them are not known to be over, by reason."""
    ends = [(problem, over_at(problem, timeouts)) for problem in problems]
    durations = [max(end - problem.opened, 0) for problem, end in ends if end is not None]
    return durations_of(durations), tally_reasons(why_not_over([problem], timeouts) for problem, end in ends if end is None)
