"""Published rankings, for the laws of those who keep and show them."""

from typing import Any, Final

from causeline.schemas.records.causes import BlindSpotEntry, CauseEntry, CauseRevision, ReasonEntry
from causeline.schemas.values import ids

COMPUTED: Final = 2_500_000_000_000
"""In the year 2049: what is older than the retention is dropped by its table."""
PROBLEM_ID: Final = ids.uuid7(COMPUTED, b"the problem")


def cause(event_id: str = "e1", **fields: Any) -> CauseEntry:
    """A change ten minutes before the problem, with two reasons."""
    base: dict[str, Any] = {"probability": 0.7, "score": 2.1, "relation": "same_service", "offset_seconds": -600.0, "kind": "deployment"}
    base |= {"title": "Deploy shop 2", "service": "shop", "ts": COMPUTED - 600_000}
    base |= {
        "reasons": [ReasonEntry(feature="time", contribution=1.9, text="soon"), ReasonEntry(feature="kind", contribution=0.2, text="")]
    }
    return CauseEntry(event_id=event_id, **{**base, **fields})


def revision(number: int = 1, **fields: Any) -> CauseRevision:
    """One revision of the ranking of an open problem, a minute after the one before."""
    base: dict[str, Any] = {"tenant": "acme", "id": PROBLEM_ID, "occasion": "opened", "verdict": "likely", "none_probability": 0.08}
    base |= {"none_score": -1.25, "candidates": 3, "model": "1", "computed_at": COMPUTED + (number - 1) * 60_000, "as_of": COMPUTED - 5}
    base |= {"causes": [cause()], "blind_spots": [BlindSpotEntry(service="payments", kind="config_change")]}
    base |= {"problem_version": 1, "correlation_id": "c1", "dialect": "desk", "kind": "incident", "state": "open", "start": COMPUTED}
    return CauseRevision(revision=number, **{**base, **fields})
