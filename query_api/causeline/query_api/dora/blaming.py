"""Attribution: which deployment a problem belongs to, at most one.

By causes: what people confirmed, at any distance; else the likeliest cause, where the problem opened within H of it. By the naive rule:
the latest deployment of the same service and environment before it. What people rejected is never blamed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.dora.deployments import Deployment, Deployments
from causeline.query_api.dora.dora_facts import NO_ALIASES, ProblemFact
from causeline.query_api.dora.places_in_time import Timelines
from causeline.query_api.dora.rollout_events import Environments
from causeline.schemas.dora.definition import Definition


class Blame(NamedTuple):
    """The deployment of each problem that has one, by ids, and the problems of each deployment, in order of opening."""

    by_problem: Mapping[str, str]
    by_deployment: Mapping[str, tuple[ProblemFact, ...]]


def production_problems(
    problems: Iterable[ProblemFact], definition: Definition, aliases: Mapping[str, str] = NO_ALIASES
) -> tuple[ProblemFact, ...]:
    """Return the problems of production, each id once, in order of opening and id, by the names that aliases mean.

    Environments are canonical; none means every one of production.
    """
    environments = Environments(definition)
    by_id = {}
    for problem in problems:
        environment = environments.of(problem.dialect, problem.environment)
        if not environment or environments.is_production(environment):
            service = aliases.get(problem.service, problem.service)
            if (service, environment) != (problem.service, problem.environment):
                by_id[problem.id] = msgspec.structs.replace(problem, service=service, environment=environment)
            else:
                by_id[problem.id] = problem
    return tuple(sorted(by_id.values(), key=attrgetter("opened", "id")))


def attribute(deployments: Deployments, problems: Iterable[ProblemFact], definition: Definition) -> Blame:
    """Return which deployment each problem belongs to. Problems are those of production, by canonical names."""
    rule = _Latest if definition.attribution.rule == "latest" else _Causes
    choose = rule(deployments, definition.attribution.window).choose
    by_problem = {}
    by_deployment: dict[str, list[ProblemFact]] = {}
    for problem in problems:
        rejections = {deployments.by_event[event] for event in problem.rejections if event in deployments.by_event}
        id_ = choose(problem, rejections)
        if id_ is not None:
            by_problem[problem.id] = id_
            by_deployment.setdefault(id_, []).append(problem)
    return Blame(by_problem, {id_: tuple(own) for id_, own in by_deployment.items()})


def _is_in_time(deployment: Deployment, opened: int, window: int | None) -> bool:
    """Tell whether a problem opened within `window` ms of the last success before it, both ends included."""
    steps = bisect_right(deployment.successes, opened)
    return steps > 0 and (window is None or opened - deployment.successes[steps - 1] <= window)


class _Causes:
    """What people confirmed, else the likely cause."""

    def __init__(self, deployments: Deployments, window: int | None) -> None:
        self._by_event: Final = deployments.by_event
        self._by_id: Final = {deployment.id: deployment for deployment in deployments.successes}
        self._window: Final = window

    def choose(self, problem: ProblemFact, rejections: set[str]) -> str | None:
        """Return the deployment's id. Where the newest word of people is something that is no deployment, it is none."""
        for confirmation in sorted(problem.confirmations, key=attrgetter("at", "event"), reverse=True):
            confirmed_id = self._by_event.get(confirmation.event)
            if confirmed_id not in rejections:
                return confirmed_id
        likely = self._by_id.get(self._by_event.get(problem.likely_cause, ""))
        if likely is None or likely.id in rejections or not _is_in_time(likely, problem.opened, self._window):
            return None
        return likely.id


class _Latest:
    """The naive rule, for comparison: it asks neither people nor rankings."""

    def __init__(self, deployments: Deployments, window: int | None) -> None:
        self._timelines: Final = Timelines(deployments.successes)
        self._window: Final = window

    def choose(self, problem: ProblemFact, rejections: set[str]) -> str | None:
        """Return the deployment's id. A problem of no service is nobody's."""
        if problem.service:
            for end, deployment in self._timelines.steps_until(problem.service, problem.environment, problem.opened):
                if self._window is not None and problem.opened - end > self._window:
                    break
                if deployment.id not in rejections:
                    return deployment.id
        return None
