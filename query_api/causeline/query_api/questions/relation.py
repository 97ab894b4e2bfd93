"""How a change relates to what it is compared with: the closest of five relations, and the order that follows from them.

`sql/events.py` states the same ranking for ClickHouse. The two must change together; the contract suite compares them row by row.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from causeline.query_api.questions.query import ChangeQuery, RelatedChange, Relation
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem

EVERYTHING: Final = "*"
"""An ApiTraffic marker of every bucket is attached to nothing in particular: two such markers have no entity in common."""

MOST_COMPARED: Final = 50
"""Entities and tags of a problem that changes are compared with, the first ones: each tag is a look into the tags of every row."""

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
        entities=tuple(islice((entity for entity in problem.entities if entity != EVERYTHING), MOST_COMPARED)),
        tags=tuple(islice(problem.tags.items(), MOST_COMPARED)),
        exclude_ids=(problem.event_id,) if problem.event_id else (),
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


def closest_changes(events: Iterable[Event], query: ChangeQuery) -> list[RelatedChange]:
    """Return the answer to a question out of live events of its tenant that its groups may see, which hold all that it asks for."""
    rows = [
        event for event in events if _touches(event, query) and event.kind not in query.exclude_kinds and event.id not in query.exclude_ids
    ]
    rows.sort(key=lambda event: closeness(event, query))
    return [RelatedChange(event, relation_of(event, query), offset_seconds(event, query.at)) for event in rows[: query.limit]]


def _touches(event: Event, query: ChangeQuery) -> bool:
    start, end = span_of(event)
    is_asked = not query.windows or any(event.kind in kinds and end >= from_ms for kinds, from_ms in query.windows)
    return is_asked and end - start >= query.lasting_ms and start <= query.to_ms and end >= query.from_ms
