"""Which events are of which service and environment, of which kind the service's deployments are, and which event belongs to which.

An event that names another one of its service and environment is a step of it if it has no version or the same one and is not marked as a
rollback; otherwise it rolls the named one back. Where it names no service or environment, it has those of what it names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.facts import MOST_TEXT
from causeline.query_api.causes.outcomes import is_rollback
from causeline.query_api.dora.dora_facts import (
    AUDIT_DIALECT,
    DEFAULTING_DIALECTS,
    DEPLOYMENT_KINDS,
    NO_ALIASES,
    ChangeFact,
)
from causeline.query_api.dora.rollout_words import RolloutOutcome, outcome_of_fact
from causeline.schemas.dora.definition import Definition

_MOST_HOPS: Final = 16
"""How far the names of names are followed: steps of steps of steps are two or three."""

DEPLOYMENT_ID_TAG: Final = "deployment_id"
ROLLBACK_TAG: Final = "rollback"


class RolloutPlace(NamedTuple):
    """A service (aliases resolved) and a canonical environment, empty where nobody named it."""

    service: str
    environment: str


class RolloutEvent(msgspec.Struct, gc=False):
    """An event and what follows from it. `whole` is the event that it is a step of, `target` the one that it rolls back, by id.

    `version` is the release, else the commit. One that is marked as a rollback is never another try of what it rolls back.
    """

    id: str
    begin: int
    end: int
    outcome: RolloutOutcome
    version: str
    is_rollback: bool
    deployment_id: str
    fact: ChangeFact
    whole: str = ""
    target: str = ""


class Environments:
    """The canonical environment of events and problems, each spelling worked out once."""

    def __init__(self, definition: Definition) -> None:
        self._definition: Final = definition
        self._production: Final = frozenset(map(definition.environment, definition.production))
        self._spellings: Final[dict[str, str]] = {}

    def of(self, dialect: str, name: str) -> str:
        """Return the canonical environment of a name, empty where it is not known."""
        if not name:
            if dialect not in DEFAULTING_DIALECTS:
                return ""
            name = self._definition.default_environment
        canonical = self._spellings.get(name)
        if canonical is None:
            canonical = self._spellings[name] = self._definition.environment(name)
        return canonical

    def is_production(self, canonical: str) -> bool:
        """Tell whether deployments to an environment count."""
        return canonical in self._production


def events_by_place(
    changes: Iterable[ChangeFact], definition: Definition, aliases: Mapping[str, str] = NO_ALIASES
) -> dict[RolloutPlace, list[RolloutEvent]]:
    """Return the events that may be parts of deployments to production, and those of no known environment, each id once.

    Of every service only those of the first kind that it has: one that succeeded in production, else any.
    """
    events = {fact.id: read_event(fact) for fact in changes if may_be_deployment(fact)}
    finder = PlaceFinder(definition, aliases)
    by_place: dict[RolloutPlace, list[RolloutEvent]] = {}
    kinds: dict[str, int] = {}
    for event in events.values():
        # A change that did not succeed is a problem, or tells when work on it began.
        if event.fact.kind != "change" or event.outcome == "success":
            place = finder.find(event.fact, events)
            if place is not None:
                by_place.setdefault(place, []).append(event)
                rank = _kind_rank(place, event)
                if rank < kinds.get(place.service, rank + 1):
                    kinds[place.service] = rank
    for place, own in by_place.items():
        kind = DEPLOYMENT_KINDS[kinds[place.service] % len(DEPLOYMENT_KINDS)]
        by_place[place] = [event for event in own if event.fact.kind == kind]
        relate_events(by_place[place])
    return by_place


def _kind_rank(place: RolloutPlace, event: RolloutEvent) -> int:
    """Return how much an event says of which kind the deployments of its service are, the least the most."""
    rank = DEPLOYMENT_KINDS.index(event.fact.kind)
    if not place.environment:
        return rank + 2 * len(DEPLOYMENT_KINDS)
    return rank if event.outcome == "success" else rank + len(DEPLOYMENT_KINDS)


def may_be_deployment(fact: ChangeFact) -> bool:
    """Tell whether an event is of a kind and of an API that tell of deployments."""
    return fact.kind in DEPLOYMENT_KINDS and fact.dialect != AUDIT_DIALECT


def read_event(fact: ChangeFact) -> RolloutEvent:
    """Return an event with what it says of itself."""
    begin = fact.ts if fact.start is None else fact.start
    end = fact.ts if fact.end is None else fact.end
    return RolloutEvent(
        fact.id,
        begin,
        max(begin, end),
        outcome_of_fact(fact),
        fact.release or fact.commit,
        is_rollback(fact.title[:MOST_TEXT], fact.tags),
        fact.tags.get(DEPLOYMENT_ID_TAG, ""),
        fact,
    )


class PlaceFinder:
    """Where events went to, each spelling worked out once."""

    def __init__(self, definition: Definition, aliases: Mapping[str, str]) -> None:
        self._environments: Final = Environments(definition)
        self._aliases: Final = aliases
        self._spellings: Final[dict[tuple[str, str, str], RolloutPlace]] = {}

    def find(self, fact: ChangeFact, events: Mapping[str, RolloutEvent]) -> RolloutPlace | None:
        """Return an event's place, None outside production. What it does not say itself, what it names may."""
        place = self.place_of(fact)
        if not (place.service and place.environment) and (fact.related_id or fact.tags):
            for referent in _chain(events[fact.id], events):
                other = self.place_of(referent.fact)
                place = RolloutPlace(place.service or other.service, place.environment or other.environment)
                if place.service and place.environment:
                    break
        return place if self.counts(place) else None

    def counts(self, place: RolloutPlace) -> bool:
        """Tell whether a place is one of production, or may be."""
        return not place.environment or self._environments.is_production(place.environment)

    def place_of(self, fact: ChangeFact) -> RolloutPlace:
        """Return the place that an event says itself, empty where it does not."""
        key = fact.service, fact.environment, fact.dialect
        place = self._spellings.get(key)
        if place is None:
            service = self._aliases.get(fact.service, fact.service)
            place = self._spellings[key] = RolloutPlace(service, self._environments.of(fact.dialect, fact.environment))
        return place


def relate_events(own: Sequence[RolloutEvent]) -> None:
    """Say of the events of one place which are steps, and which roll back another one."""
    if not any(event.fact.related_id or ROLLBACK_TAG in event.fact.tags for event in own):
        return
    events = {event.id: event for event in own}
    for event in events.values():
        referent = _referent(event, events)
        if referent is not None:
            if not event.is_rollback and event.version in ("", _version_of(referent, events)):
                event.whole = referent.id
            else:
                event.target = referent.id


def _referent(event: RolloutEvent, events: Mapping[str, RolloutEvent]) -> RolloutEvent | None:
    """Return the event that one names: by `related_id`, or by a tag `rollback` that holds an id."""
    fact = event.fact
    if not fact.related_id and not fact.tags:
        return None
    referent = events.get(fact.related_id) or events.get(fact.tags.get(ROLLBACK_TAG, ""))
    return referent if referent is not None and referent.id != event.id else None


def _version_of(event: RolloutEvent, events: Mapping[str, RolloutEvent]) -> str:
    """Return an event's version; a step without one has that of what it is a step of."""
    for whole in _chain(event, events):
        if whole.version or whole.is_rollback:
            return whole.version
    return ""


def _chain(event: RolloutEvent, events: Mapping[str, RolloutEvent]) -> Iterator[RolloutEvent]:
    """Yield an event, the one it names, the one that names, and so on."""
    referent: RolloutEvent | None = event
    for _ in range(_MOST_HOPS):
        if referent is None:
            return
        yield referent
        referent = _referent(referent, events)
