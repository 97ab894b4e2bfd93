"""Whether a record is what a filter asks for, as the memory store and the streams look at it. Pure.

What a word, a tag or a group means is stated in `schemas.subscriptions.matching`, for subscriptions too. `sql/events.py` and
`sql/problems.py` say the same to ClickHouse; the contract suite of the event store compares them.
"""

from causeline.query_api.questions.query import EventFilter, ProblemFilter
from causeline.query_api.questions.raw_members import passes
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import has_entity, has_tag, has_words, in_groups, one_of
from causeline.schemas.web.principal import Groups


def is_visible(event: Event, groups: Groups) -> bool:
    """Say whether a caller of these groups may see an event."""
    return in_groups(event.allowed_groups, groups)


def matches(event: Event, where: EventFilter) -> bool:
    """Say whether an event is one that the filter asks for; its tenant and whether it was deleted are not looked at."""
    return (
        (where.from_ms is None or event.ts >= where.from_ms)
        and (where.to_ms is None or event.ts < where.to_ms)
        and is_visible(event, where.groups)
        and event.kind not in where.exclude_kinds
        and all(
            one_of(value, choices)
            for value, choices in (
                (event.dialect, where.dialects),
                (event.kind, where.kinds),
                (event.status, where.statuses),
                (event.service, where.services),
                (event.environment, where.environments),
                (event.priority, where.priorities),
                (event.severity, where.severities),
                (event.source, where.sources),
                (event.owner, where.owners),
                (event.team, where.teams),
                (event.related_id, where.related_ids),
            )
        )
        and has_entity(event.entities, where.entities)
        and has_tag(event.tags, where.tags)
        and has_words(event.title, event.text, where.words)
        and all(passes(event, test) for test in where.raw)
    )


def matches_problem(problem: Problem | CauseRevision, where: ProblemFilter) -> bool:
    """Say whether a problem is one that the filter asks for, or was when it was ranked; tenant and deletion are not looked at."""
    return (
        (where.to_ms is None or problem.start < where.to_ms)
        and (where.from_ms is None or problem.end is None or problem.end >= where.from_ms)
        and where.state in ("", problem.state)
        and one_of(problem.dialect, where.dialects)
        and one_of(problem.kind, where.kinds)
        and one_of(problem.service, where.services)
        and one_of(problem.environment, where.environments)
        and one_of(problem.priority, where.priorities)
        and one_of(problem.correlation_id, where.correlation_ids)
        and has_entity(problem.entities, where.entities)
        and has_tag(problem.tags, where.tags)
        and has_words(problem.title, problem.text, where.words)
    )
