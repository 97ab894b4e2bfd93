"""What became of deployments, as columns. Of most nothing did, so only those are judged, by `judging_deployments.py`, that may matter.

That is: rollouts of several events, and those that go back or are marked as hotfixes; what people or rankings say did a problem; and of
the others those that lie beside an instant of a problem in its place. Nothing else is looked at when deployments are judged.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple, Self

import numpy as np

from causeline.query_api.dora.blaming import attribute
from causeline.query_api.dora.columns.arrays import Bits, Numbers
from causeline.query_api.dora.columns.deployment_columns import DeploymentRows
from causeline.query_api.dora.columns.fact_columns import FactColumns
from causeline.query_api.dora.deployments import Deployments
from causeline.query_api.dora.dora_facts import ProblemFact
from causeline.query_api.dora.judging_deployments import DeploymentJudgement, NoRecovery, judge_deployments
from causeline.schemas.dora.definition import Definition

NO_RECOVERY: Final[dict[NoRecovery, int]] = {"still_open": 1, "timed_out": 2, "abandoned": 3}
"""Their numbers; 0 is that there is nothing to recover from, or that it did."""
NO_TIME: Final = -1


class JudgementColumns(NamedTuple):
    """Which deployments failed, which were unplanned, how long recovery took (ms, NO_TIME), and why it is not known."""

    failure: Bits
    rework: Bits
    recovery: Numbers
    no_recovery: Numbers

    def take(self, rows: Numbers | slice) -> Self:
        """Return those of some deployments."""
        return type(self)(self.failure[rows], self.rework[rows], self.recovery[rows], self.no_recovery[rows])


class _Lines:
    """Deployments that are one event, by place in order of their ends."""

    def __init__(self, columns: FactColumns, rows: DeploymentRows) -> None:
        place = rows.places()
        order = np.argsort(place, kind="stable")
        self._numbers: Final = rows.plain_numbers[order]
        self._bounds: Final = np.searchsorted(place[order], np.arange(len(columns.places) + 1))
        self._end: Final = rows.end
        self._by_service: Final[dict[str, dict[str, int]]] = {}
        for number, each in enumerate(columns.places):
            if each.environment:
                self._by_service.setdefault(each.service, {})[each.environment] = number
        self.of = cache(self._of)

    def _of(self, service: str, environment: str) -> tuple[list[int], list[int]]:
        """Return the numbers and the ends of a place, without an environment of the service's places."""
        places = self._by_service.get(service, {})
        own = [self._numbers[self._bounds[place] : self._bounds[place + 1]] for name, place in places.items() if environment in ("", name)]
        line = np.sort(np.concatenate(own)) if own else np.zeros(0, np.int64)
        return line.tolist(), self._end[line].tolist()

    def until(self, service: str, environment: str, at: int, count: int = 1) -> list[int]:
        """Return the last ones that ended by an instant."""
        line, ends = self.of(service, environment)
        high = bisect_right(ends, at)
        return line[max(high - count, 0) : high]

    def after(self, service: str, environment: str, at: int) -> list[int]:
        """Return the first one that ended after an instant."""
        line, ends = self.of(service, environment)
        high = bisect_right(ends, at)
        return line[high : high + 1]


def judge_columns(
    columns: FactColumns, rows: DeploymentRows, problems: Sequence[ProblemFact], definition: Definition
) -> tuple[JudgementColumns, list[DeploymentJudgement]]:
    """Return what became of each deployment, and the judgements of those that were looked at."""
    by_event = _numbers_by_event(columns, rows, problems)
    few_numbers = set(rows.objects).union(by_event.values(), rows.hotfixes())
    few_numbers.update(_beside(_Lines(columns, rows), rows, problems, definition))
    in_order = sorted(few_numbers)
    judged_rows = {number: rows.deployment(number) for number in in_order}
    ids = {event: judged_rows[number].id for event, number in by_event.items()}
    few = Deployments(tuple(judged_rows.values()), (), ids)
    judgements = judge_deployments(few.successes, problems, attribute(few, problems, definition), definition)
    shape = JudgementColumns(
        np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_), np.full(len(rows), NO_TIME), np.zeros(len(rows), np.int64)
    )
    for number, one in zip(in_order, judgements, strict=True):
        shape.failure[number] = bool(one.failures)
        shape.rework[number] = bool(one.rework)
        shape.recovery[number] = NO_TIME if one.recovery_time is None else one.recovery_time
        shape.no_recovery[number] = 0 if one.no_recovery is None else NO_RECOVERY[one.no_recovery]
    return shape, [*judgements]


def _numbers_by_event(columns: FactColumns, rows: DeploymentRows, problems: Iterable[ProblemFact]) -> dict[str, int]:
    """Return the deployments of the events that somebody or a ranking named beside a problem."""
    by_row = np.full(len(columns.facts), -1, np.int64)
    by_row[rows.sources[rows.plain_numbers]] = rows.plain_numbers
    of_large = {fact.id: number for number in rows.objects for fact in rows.large_facts(number)}
    numbers_by_event: dict[str, int] = {}
    for problem in problems:
        for event in (problem.likely_cause, *problem.rejections, *(each.event for each in problem.confirmations)):
            row = columns.rows.get(event)
            if row is not None and event not in numbers_by_event:
                number = of_large.get(event, int(by_row[row]))
                if number >= 0:
                    numbers_by_event[event] = number
    return numbers_by_event


def _beside(lines: _Lines, rows: DeploymentRows, problems: Iterable[ProblemFact], definition: Definition) -> Iterator[int]:
    """Yield the deployments that lie beside an instant that is looked at."""
    is_naive = definition.attribution.rule == "latest"
    for problem in problems:
        if problem.service:
            place = problem.service, problem.environment
            if problem.closed is not None and problem.closed_by == "closed":
                yield from lines.until(*place, problem.closed)
            if is_naive:
                yield from lines.until(*place, problem.opened, 1 + len(problem.rejections))
    for deployment in rows.objects.values():
        if deployment.late_failure is not None:
            yield from lines.after(deployment.service, deployment.environment, deployment.late_failure.at)
