"""What records say of problems: which ones a new event or a change of one moves, and the receipts by which it does.

`incidents.py` decides on one problem; here is which of those that a record speaks of it moves at all. Pure.
"""

from collections.abc import Mapping

import msgspec

from causeline.processors.events import incidents, problems
from causeline.processors.events.incidents import IncidentMemory, SignalOutcome
from causeline.processors.events.patches import Changed
from causeline.processors.events.problems import ProblemPolicy, Receipt
from causeline.schemas.dialects.signals import SignalOf
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.wire import codec

IncidentsById = Mapping[str, IncidentMemory]
"""What is known of the problems that a signal speaks of, by correlation id."""


def has_opened(incidents_by_id: IncidentsById, record: IngestRecord) -> bool:
    """Say whether the event of a record has opened a problem already."""
    return any(memory.problem is not None and memory.problem.problem.event_id == record.id for memory in incidents_by_id.values())


def event_outcomes(
    record: IngestRecord, incidents_by_id: IncidentsById, now: int, policy: ProblemPolicy
) -> list[tuple[str, SignalOutcome]]:
    """Return what a new event does to the problems that it speaks of.

    A close closes every one. An open refreshes those that are open; where none is, it opens the first: a recovery that failed says
    that something is broken, not what.
    """
    moving = list(incidents_by_id)
    if record.signal == "open":
        is_open = {name: memory.problem is not None and memory.problem.is_open for name, memory in incidents_by_id.items()}
        moving = [name for name in moving if is_open[name]] or moving[:1]
    event = codec.decode_record(record.event, Event)
    receipts = ((name, receipt_of(record, event, now, name)) for name in moving)
    return [(name, outcome) for name, receipt in receipts if (outcome := _outcome(record.signal, incidents_by_id[name], receipt, policy))]


def change_outcome(
    event: Event, memory: IncidentMemory, receipt: Receipt, signal_of: SignalOf, policy: ProblemPolicy
) -> SignalOutcome | None:
    """Return what the new version of an event does to the problem that it speaks of; `signal_of` says what it signals."""
    if event.is_deleted or event.kind != PROBLEM_KIND:
        # Without its event, or where the event turns out not to be an incident, there is no such problem.
        is_its_own = memory.problem is not None and memory.problem.problem.event_id == event.id
        return SignalOutcome((problems.delete(memory.problem, receipt),), memory.early) if is_its_own else None
    return _outcome(signal_of(event), memory, receipt, policy)


def _outcome(signal: str, memory: IncidentMemory, receipt: Receipt, policy: ProblemPolicy) -> SignalOutcome | None:
    if signal == "open":
        return incidents.decide_open(memory, receipt, policy)
    if signal == "close":
        return incidents.decide_close(memory, receipt, policy)
    return None


def receipt_of(record: IngestRecord, event: Event | None, now: int, correlation_id: str = "") -> Receipt:
    """Return what a record says as a signal, received at `now` (task time); `correlation_id`: of the problem, else the record's own."""
    is_push = record.op == "push"
    return Receipt(
        record_id=record.record_id or record.id,
        correlation_id=correlation_id or record.correlation_id or record.id,
        now=now,
        ingest_ts=record.ingest_ts,
        event=event,
        lives=is_push,
        timeout_ms=record.timeout_ms if is_push or record.timeout_ms else None,
        at=None if is_push or event is None else _own_time(event, record.signal),
        is_ordered=not is_push,
    )


def _own_time(event: Event, signal: str) -> int:
    """Return when an event happened by its own word. That something is over is not said before its end."""
    return max(event.ts, event.end) if signal == "close" and event.end is not None else event.ts


def change_receipt(record: IngestRecord, change: Changed, now: int) -> Receipt:
    """Return a change of an event as a signal: its versions order it, and only the time that it names itself is its own."""
    receipt = receipt_of(record, change.event, now)
    at = change.event.ts if change.tombstone is not None else None
    return msgspec.structs.replace(receipt, at=at, is_ordered=False, is_news=False, is_end=record.signal == "close")
