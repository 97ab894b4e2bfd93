"""Published rankings of causes that several tests tell of."""

from typing import Any

from causeline.schemas.records.causes import CauseEntry, CauseRevision, ReasonEntry

T0 = 1_780_000_000_000


def a_cause(number: int = 1, **fields: Any) -> CauseEntry:
    """A change that began `number` times four minutes before the problem."""
    plain: dict[str, Any] = {
        "event_id": f"event-{number}",
        "probability": 0.71 / number,
        "score": 3.0 - number,
        "relation": "same_service",
        "offset_seconds": -240.0 * number,
        "kind": "deployment",
        "title": f"checkout 1.4{number}.0",
        "service": "checkout",
        "ts": T0 - 240_000 * number,
        "reasons": [
            ReasonEntry(feature="scope", contribution=1.2, text="the same service"),
            ReasonEntry(feature="time", contribution=1.9, text="finished 4 min before the problem began"),
            ReasonEntry(feature="surprise", contribution=-2.5, text="deployed often"),
        ],
    }
    return CauseEntry(**(plain | fields))


def a_revision(**fields: Any) -> CauseRevision:
    """The first ranking of problem `problem/1` of tenant `t`."""
    plain: dict[str, Any] = {
        "tenant": "t",
        "id": "problem/1",
        "revision": 1,
        "occasion": "opened",
        "verdict": "likely",
        "none_probability": 0.08,
        "candidates": 31,
        "provisional": True,
        "model": "1",
        "computed_at": T0 + 1_000,
        "as_of": T0 + 500,
        "causes": [a_cause()],
        "problem_version": 1,
        "correlation_id": "c",
        "dialect": "native",
        "kind": "incident",
        "state": "open",
        "start": T0,
        "service": "checkout",
        "environment": "prod",
        "title": "Checkout is slow",
    }
    return CauseRevision(**(plain | fields))
