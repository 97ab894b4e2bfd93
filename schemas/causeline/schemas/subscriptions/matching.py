"""Whether a record is what somebody asked for: the rules that subscriptions, streams and the memory store have in common. Pure.

`query_api` says the same to ClickHouse in its `sql/`, and the contract suite of the event store compares the two. A filter is looked at
in two steps, since an index finds rules by the columns that every record has once (`Columns`) and asks for the rest (`Details`) only of
those.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.values.words import words_of

TOLD_UNASKED: Final[tuple[Transition, ...]] = ("opened", "reopened", "closed", "timed_out", "deleted")
"""The transitions that a filter without `transitions` takes: refreshes, of which a problem has one every few seconds, must be named."""


class Columns(NamedTuple):
    """What every record has once.

    A problem has no `status`, an event no `transition`; a ranking has neither, and alone verdicts: that of now and the one before.
    """

    dialect: str
    kind: str
    status: str
    service: str
    environment: str
    priority: str
    transition: str = ""
    verdict: str = ""
    previous_verdict: str = ""


class Details(NamedTuple):
    """The rest of what a filter may ask for. `groups` are those that a restricted event is for.

    Problems and rankings have neither groups nor a project.
    """

    project: str
    title: str
    text: str
    tags: Mapping[str, str]
    entities: Sequence[str]
    groups: Sequence[str] = ()


def takes_event(rule: Rule, event: Event) -> bool:
    """Say whether a rule asks for a version of an event, a delete too."""
    return (
        rule.tenant == event.tenant
        and "events" in rule.where.followed
        and in_columns(rule.where, columns_of_event(event))
        and in_details(rule, details_of_event(event))
    )


def takes_problem(rule: Rule, problem: Problem) -> bool:
    """Say whether a rule asks for a transition of a problem."""
    return (
        rule.tenant == problem.tenant
        and follows_problems(rule.where)
        and in_columns(rule.where, columns_of_problem(problem))
        and in_details(rule, details_of_problem(problem))
    )


def follows_problems(where: Filter) -> bool:
    """Say whether a filter takes any problem: problems have neither a status nor a project."""
    return "problems" in where.followed and not where.statuses and not where.projects


def takes_causes(rule: Rule, revision: CauseRevision) -> bool:
    """Say whether a rule asks for a ranking: one that is news, of a problem that is there."""
    return (
        rule.tenant == revision.tenant
        and is_told(revision)
        and follows_causes(rule.where)
        and in_columns(rule.where, columns_of_causes(revision))
        and in_details(rule, details_of_causes(revision))
    )


def is_told(revision: CauseRevision) -> bool:
    """Say whether any rule may ask for a ranking: its first cause or its verdict is another one, and its problem was not deleted."""
    return revision.is_news and not revision.is_deleted


def follows_causes(where: Filter) -> bool:
    """Say whether a filter takes any ranking: rankings have neither a status nor a project."""
    return "causes" in where.followed and not where.statuses and not where.projects


def in_columns(where: Filter, columns: Columns) -> bool:
    """Say whether the columns are what the filter asks for."""
    return (
        one_of(columns.dialect, where.dialects)
        and one_of(columns.kind, where.kinds)
        and one_of(columns.status, where.statuses)
        and one_of(columns.service, where.services)
        and one_of(columns.environment, where.environments)
        and one_of(columns.priority, where.priorities)
        and (not columns.transition or asks_for_transition(where, columns.transition))
        and (not columns.verdict or one_of(columns.verdict, where.verdicts) or columns.previous_verdict in where.verdicts)
    )


def asks_for_transition(where: Filter, transition: str) -> bool:
    """Say whether a filter takes a transition of this kind."""
    return transition in (where.transitions or TOLD_UNASKED)


def asks_for_details(where: Filter) -> bool:
    """Say whether columns alone cannot tell what the filter takes."""
    return bool(where.projects or where.entities or where.tags or where.words.strip())


def in_details(rule: Rule, details: Details) -> bool:
    """Say whether the details are what the rule asks for, and for its eyes."""
    where = rule.where
    return (
        in_groups(details.groups, rule.groups)
        and one_of(details.project, where.projects)
        and has_entity(details.entities, where.entities)
        and has_tag(details.tags, where.tags)
        and has_words(details.title, details.text, where.words)
    )


def columns_of_event(event: Event) -> Columns:
    """Return the columns of an event."""
    return Columns(event.dialect, event.kind, event.status, event.service, event.environment, event.priority)


def details_of_event(event: Event) -> Details:
    """Return the details of an event."""
    return Details(event.project, event.title, event.text, event.tags, event.entities, event.allowed_groups)


def columns_of_problem(problem: Problem) -> Columns:
    """Return the columns of a problem and its transition."""
    return Columns(problem.dialect, problem.kind, "", problem.service, problem.environment, problem.priority, problem.transition)


def details_of_problem(problem: Problem) -> Details:
    """Return the details of a problem."""
    return Details("", problem.title, problem.text, problem.tags, problem.entities)


def columns_of_causes(revision: CauseRevision) -> Columns:
    """Return the columns of a ranking: its problem's, and the verdicts.

    Whoever was told of the verdict that a ranking had before is told that it is another one now.
    """
    return Columns(
        revision.dialect,
        revision.kind,
        "",
        revision.service,
        revision.environment,
        revision.priority,
        verdict=revision.verdict,
        previous_verdict=revision.previous_verdict,
    )


def details_of_causes(revision: CauseRevision) -> Details:
    """Return the details of a ranking: its problem's."""
    return Details("", revision.title, revision.text, revision.tags, revision.entities)


def in_groups(allowed_groups: Sequence[str], groups: Sequence[str] | None) -> bool:
    """Say whether somebody of these groups (None: of all) may see what is for the `allowed_groups` (none: for everybody)."""
    return groups is None or not allowed_groups or not set(groups).isdisjoint(allowed_groups)


def one_of(value: str, choices: Sequence[str]) -> bool:
    """Say whether a value is one of the choices; without choices every value is."""
    return not choices or value in choices


def has_entity(entities: Sequence[str], names: Sequence[str]) -> bool:
    """Say whether one of the entities has one of the names; without names everything counts."""
    return not names or not set(names).isdisjoint(entities)


def has_tag(tags: Mapping[str, str], pairs: Sequence[tuple[str, str]]) -> bool:
    """Say whether one of the tags is one of the pairs; without pairs everything counts."""
    return not pairs or any(tags.get(key) == value for key, value in pairs)


def has_words(title: str, text: str, words: str) -> bool:
    """Say whether every word of `words` is a word of the text; without a letter, a digit or a symbol there is no word, hence no match."""
    if not words.strip():
        return True
    query_words = _words(words)
    return bool(query_words) and query_words <= set(words_of(f"{title} {text}"))


@lru_cache(maxsize=4096)
def _words(words: str) -> frozenset[str]:
    return frozenset(words_of(words))
