"""What a message about a problem says of its causes: the verdict and three changes, each with its weightiest reason. Pure.

It is small, since a worker keeps one of every problem (`known_causes.py`): long texts are cut.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from causeline.schemas.records.causes import BlindSpotEntry, CauseEntry, CauseRevision, CauseVerdict, ReasonEntry

MOST_CAUSES: Final = 3
MOST_SPOTS: Final = 2
MOST_CHARACTERS: Final = 200


class SummaryCause(msgspec.Struct, frozen=True, array_like=True):
    """One change. `offset_seconds` counts from the problem's start; `reason` is the text of what speaks most for it.

    `feedback` is what people said of it, "" without.
    """

    event_id: str
    kind: str
    title: str
    service: str
    probability: float
    offset_seconds: float
    reason: str
    feedback: str = ""


class CauseSummary(msgspec.Struct, frozen=True, array_like=True):
    """One ranking: of which problem, its verdict, its first changes without those that somebody rejected, its first blind spots."""

    tenant: str
    problem: str
    revision: int
    verdict: CauseVerdict
    none_probability: float
    causes: tuple[SummaryCause, ...] = ()
    blind_spots: tuple[tuple[str, str], ...] = ()


def summarize(revision: CauseRevision) -> CauseSummary:
    """Return what is said of a ranking."""
    causes = [cause for cause in revision.causes if cause.feedback != "rejected"]
    return CauseSummary(
        revision.tenant,
        revision.id,
        revision.revision,
        revision.verdict,
        revision.none_probability,
        tuple(_cause(cause) for cause in causes[:MOST_CAUSES]),
        tuple(_spot(spot) for spot in revision.blind_spots[:MOST_SPOTS]),
    )


def summary_view(summary: CauseSummary | None) -> dict[str, Any] | None:
    """Return the member `causes` of what webhooks are told of a problem, None where no ranking is known."""
    if summary is None:
        return None
    return {
        "verdict": summary.verdict,
        "none_probability": summary.none_probability,
        "revision": summary.revision,
        "causes": [msgspec.structs.asdict(cause) for cause in summary.causes],
    }


def _cause(cause: CauseEntry) -> SummaryCause:
    return SummaryCause(
        _cut(cause.event_id),
        _cut(cause.kind),
        _cut(cause.title),
        _cut(cause.service),
        cause.probability,
        cause.offset_seconds,
        _cut(_strongest(cause.reasons)),
        cause.feedback,
    )


def _strongest(reasons: Sequence[ReasonEntry]) -> str:
    return max(reasons, key=lambda reason: reason.contribution).text if reasons else ""


def _spot(spot: BlindSpotEntry) -> tuple[str, str]:
    return _cut(spot.service), _cut(spot.kind)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
