"""Whether a record satisfies a rule: asked by the processors of new records, and by the workers of those from before the subscription."""

from causeline.schemas.event import Event
from causeline.schemas.problem import Problem
from causeline.schemas.subscriptions import Filter, Rule


def matches(rule: Rule, record: Event | Problem) -> bool:
    """Tell whether the rule's subscription is to be told of the record."""
    if record.tenant != rule.tenant:
        return False
    where = rule.where
    if isinstance(record, Problem):
        return _problem(where, record) and _shared(where, record)
    return "events" in where.followed and _visible(rule, record) and _event(where, record) and _shared(where, record)


def _visible(rule: Rule, event: Event) -> bool:
    return rule.groups is None or not event.allowed_groups or not set(rule.groups).isdisjoint(event.allowed_groups)


def _problem(where: Filter, problem: Problem) -> bool:
    asked = where.transitions
    return "problems" in where.followed and not where.statuses and not where.projects and (not asked or problem.transition in asked)


def _event(where: Filter, event: Event) -> bool:
    return _any(where.statuses, event.status) and _any(where.projects, event.project)


def _shared(where: Filter, record: Event | Problem) -> bool:
    said = f"{record.title}\n{record.text}".lower()
    return (
        _any(where.dialects, record.dialect)
        and _any(where.kinds, record.kind)
        and _any(where.services, record.service)
        and _any(where.environments, record.environment)
        and _any(where.priorities, record.priority)
        and (not where.entities or not set(where.entities).isdisjoint(record.entities))
        and (not where.tags or any(record.tags.get(name) == value for name, value in where.tags))
        and all(word in said for word in where.words.lower().split())
    )


def _any(asked: tuple[str, ...], value: str) -> bool:
    return not asked or value in asked
