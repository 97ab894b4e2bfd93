"""What DORA metrics are made of, from the rows of the event store in memory: the twin of `sql/dora.py`, in plain loops."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from causeline.query_api.causes.facts import MOST_TEXT
from causeline.query_api.dora.dora_facts import (
    AUDIT_DIALECT,
    DEPLOYMENT_KINDS,
    ChangeFact,
    CommitEvent,
    ListedCommit,
    ProblemFact,
    ProblemScope,
)
from causeline.query_api.questions.dora_query import COMMIT_KINDS, OPENING_KINDS, IncidentQuery, RolloutQuery
from causeline.query_api.questions.matching import is_visible
from causeline.query_api.questions.problem_ends import EventScope, ProblemRow, problem_fact
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.principal import Groups


class MemoryDora:
    """See DoraStore."""

    def __init__(
        self,
        events: Mapping[tuple[str, int, str], Event],
        problems: Mapping[tuple[str, str], Mapping[int, Problem]],
        revisions: Mapping[tuple[str, str, int], CauseRevision],
    ) -> None:
        self._events: Final = [event for event in events.values() if not event.is_deleted and event.dialect != AUDIT_DIALECT]
        self._problems: Final = [versions[max(versions)] for versions in problems.values()]
        self._revisions: Final = revisions

    async def changes(self, query: RolloutQuery) -> list[ChangeFact]:
        """See DoraStore."""
        return [_change(event, query.tags) for event in self._rollout_events(query)]

    async def commit_events(self, query: RolloutQuery, since: int) -> list[CommitEvent]:
        """See DoraStore."""
        deployed_ids = {commit for event in self._rollout_events(query) for commit in _commits_without_time(event)} - {""}
        earliest: dict[CommitEvent, int] = {}
        for event in self._of(query.tenant, COMMIT_KINDS):
            if event.commit in deployed_ids and since <= event.ts < query.to_ms and is_visible(event, query.groups):
                key = CommitEvent(event.commit, 0, "change" if event.kind == "change" else "commit", event.status)
                earliest[key] = min(event.ts, earliest.get(key, event.ts))
        return [key._replace(ts=ts) for key, ts in earliest.items()]

    async def problems(self, query: IncidentQuery) -> list[ProblemFact]:
        """See DoraStore."""
        scopes = {event.id: _scope(event, query.groups) for event in self._of(query.tenant, OPENING_KINDS)}
        facts = (problem_fact(_state(problem), scopes, query.now) for problem in self._touching(query))
        return [fact for fact in facts if fact is not None]

    async def likely_causes(self, query: IncidentQuery) -> dict[str, str]:
        """See DoraStore."""
        newest: dict[str, CauseRevision] = {}
        for (tenant, problem_id, _), revision in self._revisions.items():
            if tenant == query.tenant and (problem_id not in newest or revision.revision > newest[problem_id].revision):
                newest[problem_id] = revision
        own_revisions = (newest[problem.id] for problem in self._touching(query) if problem.id in newest)
        return {row.id: row.first for row in own_revisions if row.verdict == "likely" and not row.is_deleted and row.first}

    async def scopes(self, tenant: str, groups: Groups) -> list[ProblemScope]:
        """See DoraStore."""
        opening_ids = {problem.event_id for problem in self._problems if problem.tenant == tenant and not problem.is_deleted}
        events = (event for event in self._of(tenant, OPENING_KINDS) if event.id in opening_ids and is_visible(event, groups))
        return list({ProblemScope(e.service, e.environment, e.team, e.repo, e.project, e.dialect) for e in events})

    def _of(self, tenant: str, kinds: Iterable[str]) -> Iterable[Event]:
        return (event for event in self._events if event.tenant == tenant and event.kind in kinds)

    def _rollout_events(self, query: RolloutQuery) -> Iterable[Event]:
        names = ("", *query.services) if query.services else ()
        for event in self._of(query.tenant, DEPLOYMENT_KINDS):
            times = (event.ts, event.ts if event.end is None else event.end)
            is_inside = event.id in query.ids if query.ids else any(query.from_ms <= at < query.to_ms for at in times)
            is_inside = is_inside and _is_of(event.environment, query.environments)
            if is_inside and is_visible(event, query.groups) and (not names or event.service in names):
                yield event

    def _touching(self, query: IncidentQuery) -> Iterable[Problem]:
        for problem in self._problems:
            is_open = problem.state == "open"
            end = problem.deadline if is_open else problem.end
            is_inside = problem.start < query.to_ms and (end is None or end >= query.from_ms or (is_open and end > query.now))
            is_inside = problem.id in query.ids if query.ids else is_inside
            if problem.tenant == query.tenant and not problem.is_deleted and is_inside:
                yield problem


def _is_of(environment: str, names: Sequence[str]) -> bool:
    return not names or not environment.isascii() or environment.lower() in ("", *names)


def _change(event: Event, tags: Iterable[str]) -> ChangeFact:
    return ChangeFact(
        id=event.id,
        kind=event.kind,
        ts=event.ts,
        dialect=event.dialect,
        status=event.status,
        start=event.start,
        end=event.end,
        service=event.service,
        environment=event.environment,
        release=event.release,
        commit=event.commit,
        commits=tuple(ListedCommit(own, time or None) for own, time in zip(event.commits, event.commit_times, strict=True)),
        branch=event.branch,
        title=event.title[:MOST_TEXT],
        team=event.team,
        repo=event.repo,
        project=event.project,
        tags={name: event.tags[name] for name in tags if name in event.tags},
        related_id=event.related_id,
    )


def _commits_without_time(event: Event) -> set[str]:
    """Return the commits of an event for which its own list has no time."""
    listed_commits = [*zip(event.commits, event.commit_times, strict=True)]
    timed_ids = {commit for commit, time in listed_commits if time}
    return {commit for commit, time in listed_commits if not time} | ({event.commit} - timed_ids)


def _state(problem: Problem) -> ProblemRow:
    return ProblemRow(
        problem.id, problem.event_id, problem.cause, problem.start, problem.end, problem.deadline, problem.state, problem.transition
    )


def _scope(event: Event, groups: Groups) -> EventScope:
    place = event.service, event.environment, event.team, event.repo, event.project
    return EventScope(event.id, is_visible(event, groups), event.dialect, event.kind, event.status, *place)
