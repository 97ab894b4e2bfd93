"""Which events are signals of a problem's life, per dialect, stated once.

Ingest writes the signal of a new event into its envelope; the processors ask again for a patched one, since only they know the record
that a patch meets. Problem-opening events of the DESK Events API are not here: they are pushes, refreshed and timed out. Nor are CTO.ai's
(`dialects/cto_ai.py`): they cannot be patched, and speak of the problems of a team's repository, not of their own.
"""

from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import Signal

_BY_STATUS: dict[str, dict[str, Signal]] = {
    # Tracker, "Status Values": Open 7, Close 8, Done 9.
    "tracker": {"open": "open", "close": "close", "done": "close"},
    # ApiTraffic, "Update Event": an incident ends by its `endedAt`, and goes on where that is set to null.
    "apitraffic": {"ongoing": "open", "ended": "close"},
    "native": {"open": "open", "closed": "close"},
}


def signal_of(event: Event) -> Signal:
    """Return what this event says of its own problem: it opens it, closes it, or nothing ('').

    A Tracker incident that has an end and no status is over.
    """
    is_over = event.dialect == "tracker" and not event.status and event.end is not None
    return signal_by(event.dialect, event.kind, "done" if is_over else event.status)


def signal_by(dialect: str, kind: str, status: str) -> Signal:
    """Return what an event with these columns says of its own problem."""
    return _BY_STATUS.get(dialect, {}).get(status, "") if kind == PROBLEM_KIND else ""
