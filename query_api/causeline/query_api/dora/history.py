"""Everything that is known of a tenant's deployments and problems, judged once, and cut into the parts that are asked for.

A part is by scope (what is asked for), by time, or by a column. Judging comes first, cutting after it: what a deployment of one service
did to another one is known in each part.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

import msgspec

from causeline.query_api.dora.blaming import attribute, production_problems
from causeline.query_api.dora.deployments import Deployment, FailedAttempt, deployments
from causeline.query_api.dora.dora_counts import DoraCounts, count_restorations, durations_of, tally_reasons
from causeline.query_api.dora.dora_facts import NO_ALIASES, ChangeFact, CommitEvent, ProblemFact, ProblemScope
from causeline.query_api.dora.dora_scope import DoraScope, GroupColumn, ScopedFact, scope_of_fact
from causeline.query_api.dora.judging_deployments import DeploymentJudgement, judge_deployments
from causeline.query_api.dora.rollout_events import Environments
from causeline.query_api.dora.windows import Calendar, ZonedSpan
from causeline.schemas.dora.definition import Definition, Timeouts


class DoraHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What is known, or a part of it. All but `sources`, where there ever was a problem, in order of time."""

    judgements: Sequence[DeploymentJudgement] = ()
    attempts: Sequence[FailedAttempt] = ()
    problems: Sequence[ProblemFact] = ()
    placeless: Sequence[Deployment] = ()
    sources: frozenset[ProblemScope] = frozenset()

    @property
    def has_source(self) -> bool:
        """Whether anybody ever reported a problem here. Where not, that there is none says nothing."""
        return bool(self.sources)

    def narrow(self, scope: DoraScope) -> "DoraHistory":
        """Return the part that belongs to a scope. Problems belong to that of the event that opened them."""
        return DoraHistory(
            judgements=[one for one in self.judgements if scope.holds(one.deployment)],
            attempts=list(filter(scope.holds, self.attempts)),
            problems=list(filter(scope.holds, self.problems)),
            placeless=list(filter(scope.holds, self.placeless)),
            sources=frozenset(filter(scope.holds, self.sources)),
        )

    def within(self, span: ZonedSpan) -> "DoraHistory":
        """Return the part that ended in a span; problems those that opened in it."""
        return DoraHistory(
            judgements=cut_facts(self.judgements, span, lambda one: one.deployment.end),
            attempts=cut_facts(self.attempts, span, attrgetter("end")),
            problems=cut_facts(self.problems, span, attrgetter("opened")),
            placeless=cut_facts(self.placeless, span, attrgetter("end")),
            sources=self.sources,
        )

    def split(self, column: GroupColumn) -> "dict[str, DoraHistory]":
        """Return a part for each value of a column that something but a source has, in order of the values."""
        value_of: Callable[[ScopedFact], str] = attrgetter(column)
        judgements = gather_by(self.judgements, lambda one: value_of(one.deployment))
        attempts = gather_by(self.attempts, value_of)
        problems = gather_by(self.problems, value_of)
        placeless = gather_by(self.placeless, value_of)
        sources = gather_by(self.sources, value_of)
        return {
            value: DoraHistory(
                judgements=judgements.get(value, ()),
                attempts=attempts.get(value, ()),
                problems=problems.get(value, ()),
                placeless=placeless.get(value, ()),
                sources=frozenset(sources.get(value, ())),
            )
            for value in sorted({*judgements, *attempts, *problems, *placeless})
        }

    def count(self, calendar: Calendar, timeouts: Timeouts) -> DoraCounts:
        """Return what it sums to."""
        leads = [commit for one in self.judgements for commit in one.deployment.commits]
        no_lead_times: dict[str, int] = {"not_positive": 0, "unknown_time": 0}
        for commit in leads:
            if commit.reason is not None:
                no_lead_times[commit.reason] += 1
        restorations, no_restorations = count_restorations(self.problems, timeouts)
        return DoraCounts(
            deployments=len(self.judgements),
            failures=sum(1 for one in self.judgements if one.failures),
            reworks=sum(1 for one in self.judgements if one.rework),
            attempts=len(self.attempts),
            placeless=len(self.placeless),
            days=frozenset(calendar.day_at(one.deployment.end) for one in self.judgements),
            lead_times=durations_of([commit.lead_time for commit in leads if commit.lead_time is not None]),
            no_lead_times=no_lead_times,
            is_partial=any(one.deployment.is_partial for one in self.judgements),
            recoveries=durations_of([time for one in self.judgements if (time := one.recovery_time) is not None]),
            no_recoveries=tally_reasons(one.no_recovery for one in self.judgements if one.no_recovery is not None),
            restorations=restorations,
            no_restorations=no_restorations,
            has_source=self.has_source,
        )


_Fact = TypeVar("_Fact")


def cut_facts(facts: Sequence[_Fact], span: ZonedSpan, at: Callable[[_Fact], int]) -> Sequence[_Fact]:
    """Return the facts in a span, of facts in order of an instant."""
    return facts[bisect_left(facts, span.start, key=at) : bisect_left(facts, span.end, key=at)]


def gather_by(facts: Iterable[_Fact], value_of: Callable[[_Fact], str]) -> dict[str, list[_Fact]]:
    """Return the facts of each value."""
    parts: dict[str, list[_Fact]] = {}
    for fact in facts:
        parts.setdefault(value_of(fact), []).append(fact)
    return parts


def take_history(
    changes: Iterable[ChangeFact],
    commit_events: Iterable[CommitEvent],
    problems: Iterable[ProblemFact],
    definition: Definition,
    *,
    aliases: Mapping[str, str] = NO_ALIASES,
    sources: Iterable[ProblemScope] = (),
) -> DoraHistory:
    """Return what follows from a tenant's facts: newest versions, in any order, each at least once.

    `sources` are where there was ever a problem, as far as that is known beside the problems themselves.
    """
    rollouts = deployments(changes, commit_events, definition, aliases)
    known_problems = production_problems(problems, definition, aliases)
    blame = attribute(rollouts, known_problems, definition)
    judgements = judge_deployments(rollouts.successes, known_problems, blame, definition)
    return DoraHistory(
        judgements=judgements,
        attempts=rollouts.attempts,
        problems=known_problems,
        placeless=rollouts.placeless,
        sources=problem_sources(known_problems, judgements, sources, definition, aliases),
    )


def problem_sources(
    problems: Iterable[ProblemFact],
    judgements: Iterable[DeploymentJudgement],
    sources: Iterable[ProblemScope],
    definition: Definition,
    aliases: Mapping[str, str],
) -> frozenset[ProblemScope]:
    """Return where somebody reported a problem of production, ever, and of what was deployed one was."""
    environments = Environments(definition)
    scopes = {scope_of_fact(problem) for problem in problems}
    scopes |= {scope_of_fact(one.deployment) for one in judgements if one.has_problems}
    for source in sources:
        environment = environments.of(source.dialect, source.environment)
        if not environment or environments.is_production(environment):
            scopes.add(scope_of_fact(source._replace(service=aliases.get(source.service, source.service))))
    return frozenset(scopes)
