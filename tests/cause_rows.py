"""A problem and changes before it, for tests of rankings: each a row that only says what the test is about."""

from typing import Any

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.values.times import ms_of

NOW = ms_of("2026-11-21T12:00:00Z")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ONSET = NOW - 10 * MINUTE
PROBLEM_ID = ids.uuid7(ONSET, b"theproblem")


def event(number: int, before: int, **fields: Any) -> Event:
    """Return a change, so many ms before the onset."""
    ts = ONSET - before
    base = {"tenant": "acme", "id": ids.uuid7(ts, number.to_bytes(10)), "dialect": "native", "kind": "deployment", "service": "shop"}
    return Event(**{**base, "ts": ts, "ingest_ts": ts, "updated_ts": ts, **fields})


def problem(**fields: Any) -> Problem:
    """Return the problem, open since the onset."""
    base = {"tenant": "acme", "id": PROBLEM_ID, "version": 1, "dialect": "desk", "kind": "incident", "correlation_id": "c", "event_id": "e"}
    base |= {"state": "open", "transition": "opened", "at": ONSET, "start": ONSET, "last_receipt": ONSET, "ingest_ts": ONSET}
    return Problem(**{**base, "service": "shop", "title": "Checkout answers slowly", **fields})
