"""What an event says of its own problem. Each API states it once (`Dialect.signal_of`).

Ingest writes the signal of a new event into its envelope; the processors ask again for a patched one, since only they know the record
that a patch meets. Problem-opening events of the DESK Events API do not speak so: they are pushes, refreshed and timed out. Nor do
CTO.ai's (`dialects.cto_ai.mapping`): they cannot be patched, and speak of the problems of a team's repository, not of their own.
"""

from collections.abc import Callable, Mapping

from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import Signal

SignalOf = Callable[[Event], Signal]
"""Return whether an event opens its own problem, closes it, or says nothing of one ('')."""


def silent(_: Event) -> Signal:
    """Say nothing: the events of an API speak of no problems of their own."""
    return ""


def by_status(signals: Mapping[str, Signal]) -> SignalOf:
    """Return what tells the signal of an incident from its status."""

    def signal_of(event: Event) -> Signal:
        return signals.get(event.status, "") if event.kind == PROBLEM_KIND else ""

    return signal_of
