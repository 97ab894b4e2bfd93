"""How a change relates to what it is compared with: the closest of five relations, and the order that follows from them.

`sql/events.py` states the same ranking for ClickHouse. The two must change together; the contract suite compares them row by row.
"""

from typing import Final

from causeline.query_api.questions.query import ChangeQuery, Relation
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem

EVERYTHING: Final = "*"
"""An ApiTraffic marker of every bucket is attached to nothing in particular: two such markers have no entity in common."""

RELATIONS: Final[tuple[Relation, ...]] = ("same_entity", "same_service", "same_tag", "same_environment", "other")
"""Closest first."""


def changes_around(problem: Problem, from_ms: int, to_ms: int, limit: int) -> ChangeQuery:
    """Return the question for the changes of a window (ms UTC), related to what a problem is about, without its own event."""
    return ChangeQuery(
        tenant=problem.tenant,
        at=problem.start,
        from_ms=from_ms,
        to_ms=to_ms,
        service=problem.service,
        environment=problem.environment,
        entities=tuple(entity for entity in problem.entities if entity != EVERYTHING),
        tags=tuple(problem.tags.items()),
        exclude_ids=(problem.event_id,),
        limit=limit,
    )


def relation_of(event: Event, query: ChangeQuery) -> Relation:
    """Return the closest relation that holds. What is empty on the reference's side relates to nothing; a tag is its key and value."""
    if not set(query.entities).isdisjoint(event.entities):
        return "same_entity"
    if query.service and event.service == query.service:
        return "same_service"
    if any(event.tags.get(key) == value for key, value in query.tags):
        return "same_tag"
    if query.environment and event.environment == query.environment:
        return "same_environment"
    return "other"


def closeness(event: Event, query: ChangeQuery) -> tuple[int, int, str]:
    """Return what changes are sorted by: relation, then distance to `at` in ms, then id."""
    return RELATIONS.index(relation_of(event, query)), abs(event.ts - query.at), event.id


def span_of(event: Event) -> tuple[int, int]:
    """Return when the change happened, as (first ms, last ms): its start and end, else the event time."""
    start = event.ts if event.start is None else event.start
    return start, start if event.end is None else event.end


def offset_seconds(event: Event, at: int) -> float:
    """Return the distance to `at` in seconds, negative before it."""
    return (event.ts - at) / 1000
