"""What events say of themselves, as columns: the rules of `rollout_events.py`, for all events at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from causeline.query_api.dora.columns.arrays import Bits, Numbers, numbers
from causeline.query_api.dora.dora_facts import DEPLOYMENT_KINDS, ChangeFact
from causeline.query_api.dora.rollout_events import PlaceFinder, RolloutEvent, RolloutPlace, may_be_deployment, read_event
from causeline.query_api.dora.rollout_words import outcome_of_fact, rollout_outcome
from causeline.schemas.dora.definition import Definition

_OUTCOMES: Final = {"success": 0, "failure": 1, "unfinished": 2}
SUCCESS: Final = _OUTCOMES["success"]
FAILURE: Final = _OUTCOMES["failure"]
NOWHERE: Final = -1
"""The place of an event that counts for nothing."""
_KINDS: Final = {kind: number for number, kind in enumerate(DEPLOYMENT_KINDS)}


class FactColumns(NamedTuple):
    """Events, each id once, and a number of each for what it says. `rows` has the number of an event by its id.

    Times are ms UTC. `place` is the number of the event's place among `places`, NOWHERE where it is no part of a deployment to production.
    """

    facts: Sequence[ChangeFact]
    rows: Mapping[str, int]
    begin: Numbers
    end: Numbers
    outcome: Numbers
    place: Numbers
    places: Sequence[RolloutPlace]


class _EventsById(Mapping[str, RolloutEvent]):
    """Events by id, each made as it is asked for: few are named by another one."""

    def __init__(self, facts: Mapping[str, ChangeFact]) -> None:
        self._facts: Final = facts

    def __getitem__(self, key: str) -> RolloutEvent:
        return read_event(self._facts[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


def read_columns(changes: Iterable[ChangeFact], definition: Definition, aliases: Mapping[str, str]) -> FactColumns:
    """Return what events say (newest versions of one tenant, in any order, each at least once)."""
    by_id = {fact.id: fact for fact in changes if may_be_deployment(fact)}
    facts = [*by_id.values()]
    count = len(facts)
    begin = numbers((fact.ts if fact.start is None else fact.start for fact in facts), count)
    end = numbers((fact.ts if fact.end is None else fact.end for fact in facts), count)
    outcome = _outcomes(facts)
    places, place = _places(by_id, PlaceFinder(definition, aliases))
    place = _first_kinds(facts, outcome, places, place)
    return FactColumns(facts, {id_: row for row, id_ in enumerate(by_id)}, begin, np.maximum(begin, end), outcome, place, places)


def _outcomes(facts: Sequence[ChangeFact]) -> Numbers:
    statuses = [fact.status for fact in facts]
    by_status = {status: _OUTCOMES[rollout_outcome(status)] for status in set(statuses)}
    outcome = numbers(map(by_status.__getitem__, statuses), len(facts))
    for row, fact in enumerate(facts):
        if fact.tags:
            outcome[row] = _OUTCOMES[outcome_of_fact(fact)]
    return outcome


def _places(by_id: Mapping[str, ChangeFact], finder: PlaceFinder) -> tuple[list[RolloutPlace], Numbers]:
    """Return all places, and the number of each event's."""
    index: dict[RolloutPlace, int] = {}

    def number_of(place: RolloutPlace | None) -> int:
        return NOWHERE if place is None else index.setdefault(place, len(index))

    by_spelling: dict[tuple[str, str, str], int] = {}
    place = np.empty(len(by_id), np.int64)
    events = _EventsById(by_id)
    for row, fact in enumerate(by_id.values()):
        spelling = fact.service, fact.environment, fact.dialect
        number = by_spelling.get(spelling)
        if number is None:
            own = finder.place_of(fact)
            number = by_spelling[spelling] = number_of(own if finder.counts(own) else None)
        if (fact.related_id or fact.tags) and not (fact.service and fact.environment):
            number = number_of(finder.find(fact, events))
        place[row] = number
    return list(index), place


def _first_kinds(facts: Sequence[ChangeFact], outcome: Numbers, places: Sequence[RolloutPlace], place: Numbers) -> Numbers:
    """Return the places without the events that are not of the kind that the deployments of their service are."""
    if not places:
        return place
    kind = numbers((_KINDS[fact.kind] for fact in facts), len(facts))
    services = {service: number for number, service in enumerate(dict.fromkeys(each.service for each in places))}
    service = numbers(services[each.service] for each in places)[place]
    is_placed: Bits = np.array([bool(each.environment) for each in places])[place]
    is_success = outcome == SUCCESS
    # A change that did not succeed is a problem, or tells when work on it began.
    may_count = (place != NOWHERE) & ((kind != _KINDS["change"]) | is_success)
    rank = kind + len(_KINDS) * np.where(is_placed, np.where(is_success, 0, 1), 2)
    lowest = np.full(len(services), 3 * len(_KINDS), np.int64)
    np.minimum.at(lowest, service[may_count], rank[may_count])
    return np.where(may_count & (lowest[service] % len(_KINDS) == kind), place, NOWHERE)
