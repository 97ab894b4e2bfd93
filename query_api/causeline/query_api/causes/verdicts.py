"""The verdict in one word, and what the sources are silent about."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from causeline.query_api.causes.context import Context, Opinion
from causeline.query_api.causes.facts import ProblemFacts
from causeline.schemas.records.causes import CauseVerdict

_HALF: Final = 0.5
_AHEAD: Final = 2.0
_MOST_BLIND_SPOTS: Final = 20


class BlindSpot(NamedTuple):
    """A service of which no source reported this kind of change in 30 days, while the tenant reports that kind of others."""

    service: str
    kind: str


def decide_verdict(
    problem: ProblemFacts, causes: Sequence[tuple[float, Opinion | None]], none_probability: float, context: Context
) -> CauseVerdict:
    """Return the verdict on causes (probability, what people said) in their order.

    `likely`: the first has half of the sum and twice what the second has, or somebody confirmed it. `none`: no change has half of it, and
    sources report what this service or its callees change, or somebody said so. `unknown`: the same, but no source does. Else `possible`.
    Of a confirmed change and a confirmed none the newer counts. Feedback on what is not among the causes has no part in it.
    """
    on_change, on_none = causes[0][1] if causes else None, context.feedback_on_none
    if (
        on_none is not None
        and is_confirmed(on_none)
        and not (on_change is not None and is_confirmed(on_change) and on_change.at > on_none.at)
    ):
        return "none"
    if on_change is not None and is_confirmed(on_change):
        return "likely"
    first, second, *_ = (*(probability for probability, _ in causes), 0.0, 0.0)
    if first >= _HALF and first >= _AHEAD * second:
        return "likely"
    if first == 0 or none_probability >= _HALF:
        return "none" if _has_reports(problem, context) and on_none is None else "unknown"
    return "possible"


def is_confirmed(opinion: Opinion) -> bool:
    """Tell whether something was said to be the cause, by people or by what a rollback ended."""
    return opinion.feedback != "rejected"


def _has_reports(problem: ProblemFacts, context: Context) -> bool:
    """Tell whether any source reported a change of the service or its callees; of a problem without a service, any change."""
    if not problem.service:
        return bool(context.reported_kinds)
    return any(context.reports.get(service) for service in (problem.service, *context.callees))


def blind_spots(problem: ProblemFacts, context: Context) -> tuple[BlindSpot, ...]:
    """Return what nobody reports of the service and what it calls directly, its own first, at most 20."""
    if not problem.service:
        return ()
    direct = sorted(service for service, hops in context.callees.items() if hops == 1 and service != problem.service)
    kinds = sorted(context.reported_kinds)
    spots = [
        BlindSpot(service, kind)
        for service in (problem.service, *direct)
        for kind in kinds
        if kind not in context.reports.get(service, frozenset())
    ]
    return tuple(spots[:_MOST_BLIND_SPOTS])
