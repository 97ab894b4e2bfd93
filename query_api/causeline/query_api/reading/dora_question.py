"""What is asked of the DORA reader, which facts of the store that takes, and what follows from them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from causeline.query_api.dora.columns.history_columns import HistoryColumns, take_columns
from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, Confirmation, ProblemFact, ProblemScope
from causeline.query_api.dora.dora_scope import DoraScope
from causeline.query_api.dora.facts_window import facts_window
from causeline.query_api.dora.history import DoraHistory, take_history
from causeline.query_api.dora.rollout_events import DEPLOYMENT_ID_TAG, ROLLBACK_TAG
from causeline.query_api.dora.rollout_words import STATUS_TAG
from causeline.query_api.dora.windows import ZonedWindow
from causeline.query_api.questions.dora_query import IncidentQuery, RolloutQuery
from causeline.query_api.reading.named_changes import own_names
from causeline.schemas.dora.definition import Definition
from causeline.schemas.feedback.assessment import NO_EVENT
from causeline.schemas.feedback.view import TenantFeedback
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values.times import MAX_MS, MIN_MS
from causeline.schemas.web.principal import Groups

_History = TypeVar("_History", covariant=True)  # noqa: PLC0105 - it is what a history is held as


class _Take(Protocol[_History]):
    """How a history is made of facts: `take_history`, or `take_columns`."""

    def __call__(
        self,
        changes: Iterable[ChangeFact],
        commit_events: Iterable[CommitEvent],
        problems: Iterable[ProblemFact],
        definition: Definition,
        /,
        *,
        aliases: Mapping[str, str],
        sources: Iterable[ProblemScope],
    ) -> _History: ...


_MOST_NAMES: Final = 1_000
"""Names of services in a question to the store; of more all services are read."""


class DoraQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Whose metrics, when, by which definition, of what these groups may see, as of `now` (ms UTC). Aliases in the scope are resolved."""

    tenant: str
    scope: DoraScope = DoraScope()
    window: ZonedWindow
    definition: Definition
    groups: Groups = None
    now: int

    def rollouts(self, topology: Topology) -> RolloutQuery:
        """Return which events may be deployments."""
        start, end = facts_window(self.window, self.definition).changes
        names = (name for service in sorted(self.scope.service) for name in topology.names_of(service))
        services = tuple(islice(names, _MOST_NAMES + 1))
        return RolloutQuery(
            tenant=self.tenant,
            groups=self.groups,
            from_ms=max(start, MIN_MS),
            to_ms=MAX_MS if end is None else min(end, MAX_MS),
            services=services if len(services) <= _MOST_NAMES else (),
            environments=_production_names(self.definition),
            tags=tuple(dict.fromkeys((DEPLOYMENT_ID_TAG, ROLLBACK_TAG, STATUS_TAG, *self.definition.hotfix.tags))),
        )

    def incidents(self) -> IncidentQuery:
        """Return which problems may belong to them, or count themselves."""
        start, end = facts_window(self.window, self.definition).problems
        to_ms = MAX_MS if end is None else min(end, MAX_MS)
        return IncidentQuery(tenant=self.tenant, groups=self.groups, from_ms=max(start, MIN_MS), to_ms=to_ms, now=self.now)


class DoraFacts(NamedTuple):
    """What the store, the feedback and the topology know for a question."""

    changes: Sequence[ChangeFact]
    commit_events: Sequence[CommitEvent]
    problems: Sequence[ProblemFact]
    likely_causes: Mapping[str, str]
    scopes: Sequence[ProblemScope]
    feedback: TenantFeedback
    topology: Topology

    def history(self, question: DoraQuestion) -> DoraHistory:
        """Return what follows from them, of the scope that is asked for."""
        return self._judge(take_history, question).narrow(self._scope_of(question))

    def columns(self, question: DoraQuestion) -> HistoryColumns:
        """Return the same, for what only sums."""
        return self._judge(take_columns, question).narrow(self._scope_of(question))

    def _judge(self, take: "_Take[_History]", question: DoraQuestion) -> _History:
        changes = own_names(self.changes)
        change_ids = {fact.id for fact in changes}
        problems = [self._with_causes(problem, change_ids) for problem in self.problems]
        services = self.topology.services
        aliases = {alias: name for name in services for alias in self.topology.names_of(name)[1:]}
        return take(changes, self.commit_events, problems, question.definition, aliases=aliases, sources=self.scopes)

    def _scope_of(self, question: DoraQuestion) -> DoraScope:
        scope = question.scope
        return msgspec.structs.replace(scope, service=frozenset(map(self.topology.resolve, scope.service)))

    def _with_causes(self, problem: ProblemFact, change_ids: set[str]) -> ProblemFact:
        """Return a problem with what people said of its causes, and the likely one. Of restricted changes only who sees them knows."""
        assessments = self.feedback.of_problem(problem.id)
        likely_cause = self.likely_causes.get(problem.id, "")
        if not assessments and not likely_cause:
            return problem
        opinions = {event: opinion for event, opinion in assessments.items() if not opinion.is_restricted or event in change_ids}
        return msgspec.structs.replace(
            problem,
            confirmations=tuple(Confirmation(event, opinion.at) for event, opinion in opinions.items() if opinion.verdict == "confirmed"),
            rejections=frozenset(event for event, opinion in opinions.items() if opinion.verdict == "rejected" and event != NO_EVENT),
            likely_cause=likely_cause,
        )


def _production_names(definition: Definition) -> tuple[str, ...]:
    """Return what events may call production, in lower case; none where that is not ASCII alone."""
    canonical = {definition.environment(name) for name in definition.production}
    aliases = {alias.casefold() for name, others in definition.aliases.items() if name.casefold() in canonical for alias in others}
    names = sorted(canonical | aliases)
    return tuple(names) if all(map(str.isascii, names)) else ()
