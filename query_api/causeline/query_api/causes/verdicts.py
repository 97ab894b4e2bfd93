"""The verdict in one word, and what the sources are silent about."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from causeline.query_api.causes.context import Context, Feedback
from causeline.query_api.causes.facts import ProblemFacts

CauseVerdict = Literal["likely", "possible", "none", "unknown"]

_HALF: Final = 0.5
_AHEAD: Final = 2.0
_MOST_BLIND_SPOTS: Final = 20


class BlindSpot(NamedTuple):
    """A service of which no source reported this kind of change in 30 days, while the tenant reports that kind of others."""

    service: str
    kind: str


def decide_verdict(
    problem: ProblemFacts, causes: Sequence[tuple[float, Feedback | None]], none_probability: float, context: Context
) -> CauseVerdict:
    """Return the verdict on causes (probability, feedback) in their order.

    `likely`: the first has half of the sum and twice what the second has, or somebody confirmed it. `none`: no change has half of it, and
    sources report what this service or its callees change, or somebody said so. `unknown`: the same, but no source does. Else `possible`.
    Of a confirmed change and a confirmed none the newer counts.
    """
    feedback = causes[0][1] if causes else None
    on_none = context.feedback_on_none.feedback if context.feedback_on_none is not None else None
    if on_none in ("confirmed", "implied") and not (feedback in ("confirmed", "implied") and _is_change_newer(context)):
        return "none"
    if feedback in ("confirmed", "implied"):
        return "likely"
    probabilities = [probability for probability, _ in causes]
    if not any(probabilities) or none_probability >= _HALF:
        return "none" if _has_reports(problem, context) and on_none != "rejected" else "unknown"
    first = probabilities[0]
    second = probabilities[1] if len(probabilities) > 1 else 0.0
    return "likely" if first >= _HALF and first >= _AHEAD * second else "possible"


def _is_change_newer(context: Context) -> bool:
    at = context.feedback_on_none.at if context.feedback_on_none is not None else 0
    return any(opinion.at > at for opinion in context.feedback.values() if opinion.feedback != "rejected")


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
