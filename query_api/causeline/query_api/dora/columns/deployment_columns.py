"""Deployments as rows in order of end and id; the few that must be looked at as a whole are made as they are asked for."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Self

import numpy as np

from causeline.query_api.dora.columns.arrays import Bits, Coded, Numbers, code, numbers, order_of
from causeline.query_api.dora.columns.fact_columns import FactColumns
from causeline.query_api.dora.columns.rollout_columns import LargeRollout
from causeline.query_api.dora.deployments import Deployment, deployment_of, is_partial_list
from causeline.query_api.dora.dora_facts import ChangeFact
from causeline.query_api.dora.dora_scope import ScopedFact
from causeline.query_api.dora.rollout_words import HotfixMark


class ScopeColumns(NamedTuple):
    """When things ended (ms UTC), and of which service, team, repository and project they are."""

    end: Numbers
    service: Coded
    team: Coded
    repo: Coded
    project: Coded

    def take(self, rows: Numbers | slice) -> Self:
        """Return some of them."""
        return self._replace(
            end=self.end[rows],
            **{name: Coded(own.codes[rows], own.by_text) for name, own in zip(self._fields[1:], self[1:], strict=True)},
        )


def scope_columns(ends: Numbers, services: Sequence[str], facts: Sequence[ScopedFact]) -> ScopeColumns:
    """Return the columns of things that ended, were of these services, and have all else from these facts."""
    others = ([fact.team for fact in facts], [fact.repo for fact in facts], [fact.project for fact in facts])
    return ScopeColumns(ends, code(services), *map(code, others))


class DeploymentRows:
    """Deployments of places that are all known, or all unknown, in order of end and id, by number."""

    def __init__(self, columns: FactColumns, rows: Numbers, large: Sequence[LargeRollout], mark: HotfixMark) -> None:
        self._columns: Final = columns
        self._large: Final = large
        self._mark: Final = mark
        ids = [*(columns.facts[row].id for row in rows.tolist()), *(one.rollout.id for one in large)]
        ends = np.concatenate((columns.end[rows], numbers(one.rollout.end for one in large)))
        order = order_of(ends, ids)
        self.sources: Final = np.concatenate((rows, -1 - np.arange(len(large), dtype=np.int64)))[order]
        """Of each the row of its event, or -1 - k for the k-th large one."""
        self.end: Final = ends[order]
        self.large_numbers: Final = np.flatnonzero(self.sources < 0)
        self.plain_numbers: Final = np.flatnonzero(self.sources >= 0)
        objects = {int(number): self._large_deployment(-1 - int(self.sources[number])) for number in self.large_numbers}
        self.objects: Final = objects
        """The large ones, by number."""
        facts = columns.facts
        self.plain_facts: Final = [facts[row] for row in self.sources[self.plain_numbers]]
        """The events of the others, in their order."""

    def __len__(self) -> int:
        return len(self.sources)

    def scope(self) -> ScopeColumns:
        """Return of which service, team, repository and project they are."""
        places, plain_rows = self._columns.places, self.sources[self.plain_numbers]
        services = [places[place].service for place in self._columns.place[plain_rows].tolist()]
        facts: list[ScopedFact] = [*self.plain_facts, *self.objects.values()]
        services += [deployment.service for deployment in self.objects.values()]
        if not self.objects:
            return scope_columns(self.end, services, facts)
        back = np.argsort(np.concatenate((self.plain_numbers, self.large_numbers))).tolist()
        return scope_columns(self.end, [services[k] for k in back], [facts[k] for k in back])

    def places(self) -> Numbers:
        """Return the places of those that are one event, in the order of `plain_numbers`."""
        return self._columns.place[self.sources[self.plain_numbers]]

    def large_facts(self, number: int) -> list[ChangeFact]:
        """Return the events of a large one."""
        return [event.fact for event in self._large[-1 - int(self.sources[number])].rollout.events]

    def deployment(self, number: int) -> Deployment:
        """Return one as a whole, but for its commits."""
        if number in self.objects:
            return self.objects[number]
        columns, row = self._columns, int(self.sources[number])
        fact, place, end = columns.facts[row], columns.places[columns.place[row]], int(columns.end[row])
        return Deployment(
            id=fact.id,
            service=place.service,
            environment=place.environment,
            release=fact.release,
            team=fact.team,
            repo=fact.repo,
            project=fact.project,
            start=int(columns.begin[row]),
            end=end,
            successes=(end,),
            is_hotfix=self._mark.is_on(fact),
            is_partial=is_partial_list((fact,)),
        )

    def _large_deployment(self, which: int) -> Deployment:
        one = self._large[which]
        return deployment_of(one.place, one.rollout, one.targets, None, self._mark)

    def partial(self) -> Bits:
        """Tell of which only the newest commit is known."""
        flags: Bits = np.zeros(len(self), np.bool_)
        flags[self.plain_numbers] = [not fact.commits and bool(fact.commit) for fact in self.plain_facts]  # as `is_partial_list`
        for number, deployment in self.objects.items():
            flags[number] = deployment.is_partial
        return flags

    def hotfixes(self) -> list[int]:
        """Return which of those that are one event are marked as hotfixes."""
        own: list[int] = self.plain_numbers[self._mark.pick(self.plain_facts)].tolist()
        return own
