"""What became of each deployment: whether it failed and by what, when that was over, and why it was no planned work.

Recovery is the earliest of: all its problems closed; the end of a rollback of it; the end of later rework of the same place that began
while a problem of it was open; for a failure that an event tells of, the next deployment that succeeded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from causeline.query_api.dora.blaming import Blame
from causeline.query_api.dora.deployments import Deployment
from causeline.query_api.dora.dora_facts import ProblemFact
from causeline.query_api.dora.places_in_time import Beginnings, Timelines
from causeline.schemas.dora.definition import Definition, Timeouts

FailureType = Literal["problem", "rollback", "status"]
Rework = Literal["rollback", "hotfix", "closed_problem"]
NoRecovery = Literal["still_open", "timed_out", "abandoned"]
"""Why it is not known when something was over."""


class DeploymentFailure(NamedTuple):
    """Why a deployment counts as failed: a problem, a rollback or an event that says so, by its id."""

    type: FailureType
    id: str


class DeploymentJudgement(msgspec.Struct, frozen=True, gc=False):
    """A deployment, with what came of it. One that did not fail has neither recovery nor a reason for having none."""

    deployment: Deployment
    failures: tuple[DeploymentFailure, ...] = ()
    rework: tuple[Rework, ...] = ()
    recovered_at: int | None = None
    no_recovery: NoRecovery | None = None

    @property
    def recovery_time(self) -> int | None:
        """Return ms from the deployment's end. What was over before its last step had ended took no time."""
        return None if self.recovered_at is None else max(self.recovered_at - self.deployment.end, 0)

    @property
    def has_problems(self) -> bool:
        """Whether problems belong to it."""
        return any(failure.type == "problem" for failure in self.failures)


def judge_deployments(
    deployments: Sequence[Deployment], problems: Iterable[ProblemFact], blame: Blame, definition: Definition
) -> tuple[DeploymentJudgement, ...]:
    """Return what became of each of the deployments (in order of end and id), in their order."""
    timelines = Timelines(deployments)
    closers = frozenset(_closers(problems, timelines, definition.attribution.window))
    reworks = {one.id: _rework(one, closers) for one in deployments if one.is_rollback or one.is_hotfix or one.id in closers}
    rollbacks: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        for target in deployment.targets:
            rollbacks.setdefault(target, []).append(deployment)
    recoveries = _Recoveries(timelines, Beginnings(one for one in deployments if one.id in reworks), definition.timeouts)

    late_failures = {one.id for one in deployments if one.late_failure is not None}
    eventful = {*blame.by_deployment, *rollbacks, *reworks, *late_failures}

    def judge_one(deployment: Deployment) -> DeploymentJudgement:
        if deployment.id not in eventful:
            return DeploymentJudgement(deployment)
        own_problems = blame.by_deployment.get(deployment.id, ())
        own_rollbacks = rollbacks.get(deployment.id, ())
        rework = reworks.get(deployment.id, ())
        if not (own_problems or own_rollbacks or deployment.late_failure):
            return DeploymentJudgement(deployment, (), rework)
        recovered_at = recoveries.find(deployment, own_problems, own_rollbacks)
        no_recovery = why_not_over(own_problems, definition.timeouts) if recovered_at is None else None
        return DeploymentJudgement(deployment, _failures(deployment, own_problems, own_rollbacks), rework, recovered_at, no_recovery)

    return tuple(map(judge_one, deployments))


def _closers(problems: Iterable[ProblemFact], timelines: Timelines, window: int | None) -> Iterator[str]:
    """Yield the deployments that closed a problem of their service: the last before it, begun while it was open."""
    for problem in problems:
        if not problem.service or problem.closed is None or problem.closed_by != "closed":
            continue
        last = timelines.last_until(problem.service, problem.environment, problem.closed)
        if last is not None and problem.opened <= last.start < problem.closed and (window is None or problem.closed - last.end <= window):
            yield last.id


def _rework(deployment: Deployment, closers: frozenset[str]) -> tuple[Rework, ...]:
    reasons: list[Rework] = []
    if deployment.is_rollback:
        reasons.append("rollback")
    if deployment.is_hotfix:
        reasons.append("hotfix")
    if deployment.id in closers:
        reasons.append("closed_problem")
    return tuple(reasons)


def _failures(deployment: Deployment, problems: Iterable[ProblemFact], rollbacks: Iterable[Deployment]) -> tuple[DeploymentFailure, ...]:
    failures = [DeploymentFailure("problem", problem.id) for problem in problems]
    failures += [DeploymentFailure("rollback", rollback.id) for rollback in rollbacks]
    if deployment.late_failure is not None:
        failures.append(DeploymentFailure("status", deployment.late_failure.event))
    return tuple(failures)


def over_at(problem: ProblemFact, timeouts: Timeouts) -> int | None:
    """Return when a problem was over, None where that is not known: it is open, people gave up, or nobody reported it any more."""
    ends: Mapping[str, bool] = {"closed": True, "timeout": timeouts == "count", "abandoned": False}
    return problem.closed if ends[problem.closed_by] else None


def why_not_over(problems: Iterable[ProblemFact], timeouts: Timeouts) -> NoRecovery:
    """Return why it is not known when some problems were over. Without problems something else is still to come."""
    ends = {"" if problem.closed is None else problem.closed_by for problem in problems if over_at(problem, timeouts) is None}
    if "" in ends or not ends:
        return "still_open"
    return "timed_out" if "timeout" in ends else "abandoned"


class _Recoveries:
    """What may end a failure."""

    def __init__(self, timelines: Timelines, reworks: Beginnings, timeouts: Timeouts) -> None:
        self._timelines: Final = timelines
        self._reworks: Final = reworks
        self._timeouts: Final[Timeouts] = timeouts

    def find(self, deployment: Deployment, problems: Sequence[ProblemFact], rollbacks: Iterable[Deployment]) -> int | None:
        """Return when a deployment that failed was recovered from, None where that is not known."""
        instants = [rollback.end for rollback in rollbacks]
        closes = [at for at in (over_at(problem, self._timeouts) for problem in problems) if at is not None]
        if problems and len(closes) == len(problems):
            instants.append(max(closes))
        if deployment.late_failure is not None:
            following = self._timelines.next_after(deployment.service, deployment.environment, deployment.late_failure.at)
            instants += [following.end] if following is not None else []
        for problem in problems:
            end = self._reworks.first_end(deployment, problem.opened, problem.closed)
            instants += [end] if end is not None else []
        return min(instants, default=None)
