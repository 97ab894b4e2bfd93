"""Whether a record is what a filter asks for: the rules themselves, as the memory store and the streams keep them.

`sql.py` says the same to ClickHouse; the contract suite of the event store compares them. Pure.
"""

import re
from typing import Final

from causeline.query_api.query import EventFilter, Groups, ProblemFilter
from causeline.query_api.raw_members import passes
from causeline.schemas.event import Event
from causeline.schemas.problem import Problem

_WORD: Final = re.compile(r"[0-9A-Za-z\u0080-\U0010ffff]+")


def visible(event: Event, groups: Groups) -> bool:
    """Say whether a caller of these groups may see an event."""
    return groups is None or not event.allowed_groups or not set(groups).isdisjoint(event.allowed_groups)


def matches(event: Event, where: EventFilter) -> bool:
    """Say whether an event is one that the filter asks for; its tenant and whether it was deleted are not looked at."""
    return (
        (where.from_ms is None or event.ts >= where.from_ms)
        and (where.to_ms is None or event.ts < where.to_ms)
        and visible(event, where.groups)
        and event.kind not in where.exclude_kinds
        and all(
            _one_of(value, wanted)
            for value, wanted in (
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
        and (not where.entities or not set(where.entities).isdisjoint(event.entities))
        and _tagged(event.tags, where.tags)
        and _said(event.title, event.text, where.words)
        and all(passes(event, test) for test in where.raw)
    )


def matches_problem(problem: Problem, where: ProblemFilter) -> bool:
    """Say whether a problem is one that the filter asks for; its tenant and whether it was deleted are not looked at."""
    return (
        (where.to_ms is None or problem.start < where.to_ms)
        and (where.from_ms is None or problem.end is None or problem.end >= where.from_ms)
        and where.state in ("", problem.state)
        and _one_of(problem.dialect, where.dialects)
        and _one_of(problem.kind, where.kinds)
        and _one_of(problem.service, where.services)
        and _one_of(problem.environment, where.environments)
        and _one_of(problem.priority, where.priorities)
        and (not where.entities or not set(where.entities).isdisjoint(problem.entities))
        and _tagged(problem.tags, where.tags)
        and _said(problem.title, problem.text, where.words)
    )


def _one_of(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


def _tagged(tags: dict[str, str], wanted: tuple[tuple[str, str], ...]) -> bool:
    return not wanted or any(tags.get(key) == value for key, value in wanted)


def _said(title: str, text: str, words: str) -> bool:
    """Say whether every word of `words` is a word of the text; without a single letter or digit there is no word, hence no match."""
    if not words.strip():
        return True
    wanted = set(_WORD.findall(words.lower()))
    return bool(wanted) and wanted <= set(_WORD.findall(f"{title} {text}".lower()))
