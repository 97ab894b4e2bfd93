"""What a round did, as the metrics and the log are told of it once it is committed."""

from collections import Counter
from typing import Final

import structlog

from causeline.processors.events.committed import CommittedEvents
from causeline.schemas import telemetry
from causeline.schemas.records.delivery_work import What
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason
from causeline.schemas.records.problem import Problem, Transition

_MAX_LINES: Final = 20
"""Lines of one kind a round: a flood of them would cost more than the round, and the metrics count every one."""
_log: Final = structlog.get_logger(__name__)


class EventCounts:
    """What a round did, for the metrics and the log: told once a round, not once a record. Refreshes are counted, not named."""

    def __init__(self) -> None:
        self.ops: Counter[str] = Counter()
        self.deduplicated = 0
        self.coalesced = 0
        self.closes_lost = 0
        self.dead_letters: Counter[DeadLetterReason] = Counter()
        self.transitions: Counter[Transition] = Counter()
        self.matched: dict[What, int] = {"event": 0, "problem": 0}
        self.letters: list[DeadLetter] = []
        self.moves: list[Problem] = []


def report_round(partition: int, counts: EventCounts, committed: CommittedEvents) -> None:
    """Tell the metrics and the log of a round that is committed, and how large the state of its partition is behind it."""
    _count(counts)
    _log_round(partition, counts)
    tables = (("dedup", committed.dedup), ("event", committed.events), ("problem", committed.problems), ("rule", committed.rules))
    for kind, table in (*tables, ("early_close", committed.closes)):
        telemetry.STATE_KEYS.labels(partition, kind).set(len(table))


def _count(counts: EventCounts) -> None:
    for op, number in counts.ops.items():
        telemetry.RECORDS_PROCESSED.labels(op).inc(number)
    for reason, number in counts.dead_letters.items():
        telemetry.DEAD_LETTERS_SET_ASIDE.labels(reason).inc(number)
    for transition, number in counts.transitions.items():
        telemetry.PROBLEM_TRANSITIONS.labels(transition).inc(number)
    for what, number in counts.matched.items():
        telemetry.NOTIFICATIONS_MATCHED.labels(what).inc(number)
    telemetry.EVENTS_DEDUPLICATED.inc(counts.deduplicated)
    telemetry.REFRESHES_COALESCED.inc(counts.coalesced)
    telemetry.CLOSES_LOST.inc(counts.closes_lost)


def _log_round(partition: int, counts: EventCounts) -> None:
    """Log what an operator looks for by id: records set aside and problems that moved, at most `_MAX_LINES` of each a round."""
    for letter in counts.letters[:_MAX_LINES]:
        _log.warning(
            "record_set_aside",
            reason=letter.reason,
            detail=letter.detail[:500],
            tenant=letter.tenant,
            event_id=letter.id,
            partition=letter.partition,
            offset=letter.offset,
        )
    for problem in counts.moves[:_MAX_LINES]:
        _log.info(
            "problem_moved",
            transition=problem.transition,
            tenant=problem.tenant,
            problem_id=problem.id,
            event_id=problem.event_id,
            correlation_id=problem.correlation_id,
            cause=problem.cause,
            version=problem.version,
        )
    untold = max(0, len(counts.letters) - _MAX_LINES) + max(0, len(counts.moves) - _MAX_LINES)
    if untold:
        _log.warning("more_of_the_same", partition=partition, records=untold)
