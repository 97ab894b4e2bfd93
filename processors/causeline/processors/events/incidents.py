"""What a signal does to one problem: which moves it makes, where signals of several senders come out of order.

Signals of one correlation id are ordered by their own times (ties: by arrival, then as they lie on the log), not by how they come:

- what is older than the newest opening closes nothing, what is older than the end opens nothing;
- a close that finds nothing open is remembered, and closes what opened before it once that comes;
- an incident that is told when it is over, with its start and its end, is a problem, opened and closed; told again it is the same.

So whether a problem is open in the end does not depend on the order in which its signals come. What was published is not taken back: a
problem begins where the opening that came first says, ends where the close that came first says, and two incidents of one correlation id
are told apart only where the end of the first one came before the beginning of the second one, or where each was told whole.

What the log orders (pushes, changes of an event) is taken as it comes. Pure.
"""

from typing import Final, NamedTuple

import msgspec

from causeline.processors.events import problems
from causeline.processors.events.problems import ProblemPolicy, Receipt, Step
from causeline.processors.events.state import Close, EarlyCloses, ProblemState
from causeline.schemas.records.event import PROBLEM_KIND

MAX_EARLY_CLOSES: Final = 8
"""Closes remembered of one correlation id, the newest ones: few openings are later than eight successful deployments of one repository."""


class IncidentMemory(NamedTuple):
    """What is remembered of one correlation id."""

    problem: ProblemState | None
    early: EarlyCloses | None = None


class SignalOutcome(NamedTuple):
    """What a signal does: moves, in order, and the closes that are remembered from now on."""

    steps: tuple[Step, ...]
    early: EarlyCloses | None

    @property
    def opens(self) -> bool:
        """Whether one more problem is open behind it."""
        return len(self.steps) == 1 and self.steps[0].problem is not None and self.steps[0].problem.version == 1


def decide_open(memory: IncidentMemory, receipt: Receipt, rules: ProblemPolicy) -> SignalOutcome:
    """Return what an opening does: opens, refreshes, or opens what an earlier signal closes at once."""
    state = memory.problem
    if receipt.is_ordered and state is not None and not state.is_open and receipt.mark < state.newest:
        return SignalOutcome((), memory.early)
    step = problems.open_problem(state, receipt, rules)
    closing = _closing(memory.early, step.state, receipt)
    if closing is None or step.state is None:
        # It is open, so what closes it comes later than all that is remembered.
        return SignalOutcome((step,), None if receipt.is_ordered else memory.early)
    late = Receipt(
        record_id=closing.record_id,
        correlation_id=receipt.correlation_id,
        now=receipt.now,
        ingest_ts=closing.mark[1],
        at=closing.mark[0],
        is_ordered=True,
        end=closing.end,
    )
    return SignalOutcome((step, problems.close(step.state, late, rules)), _behind(memory.early, closing))


def decide_close(memory: IncidentMemory, receipt: Receipt, rules: ProblemPolicy) -> SignalOutcome:
    """Return what a close does: closes what is open, tells of an incident that is over, or is remembered."""
    state = memory.problem
    whole = _whole(receipt)
    if state is not None and state.is_open and not _is_before(state, receipt):
        return SignalOutcome((problems.close(state, receipt, rules),), memory.early)
    if whole is None:
        return SignalOutcome((), _remember(memory, receipt, rules))
    if state is None or (not state.is_open and whole[0] >= (state.problem.end or 0) and not _is_known(state, whole)):
        step = problems.open_problem(state, receipt, rules)
        return SignalOutcome((step, problems.close(step.state, receipt, rules)), memory.early)
    if whole[1] <= state.problem.start and not _is_known(state, whole):
        return SignalOutcome(_of_the_past(state, receipt, whole, rules), memory.early)
    return SignalOutcome((), memory.early)


def _is_before(state: ProblemState, receipt: Receipt) -> bool:
    """Say whether a close speaks of what was before an open problem."""
    if not receipt.is_ordered:
        return False
    end = receipt.named_end
    return receipt.mark < state.newest or (end is not None and end < state.problem.start)


def _whole(receipt: Receipt) -> tuple[int, int] | None:
    """Return start and end of an incident that is told when it is over, None for any other close."""
    event = receipt.event
    if event is None or event.kind != PROBLEM_KIND or event.start is None or event.end is None or not receipt.is_end:
        return None
    return (event.start, min(event.end, max(receipt.now, event.start))) if event.start <= event.end else None


def _is_known(state: ProblemState, whole: tuple[int, int]) -> bool:
    """Say whether some of these times are those of a problem that ended."""
    last = state.problem
    spans = state.past if last.end is None else (*state.past, (last.start, last.end))
    return any(whole == times or (whole[0] < times[1] and times[0] < whole[1]) for times in spans)


def _of_the_past(state: ProblemState, receipt: Receipt, whole: tuple[int, int], rules: ProblemPolicy) -> tuple[Step, ...]:
    """Return a problem that began and ended before the known one: it is published and stands for nothing that may go on."""
    opening = problems.open_problem(None, receipt, rules)
    closing = problems.close(opening.state, receipt, rules)
    after = msgspec.structs.replace(state, past=(*state.past, whole)[-problems.PAST :])
    return opening, msgspec.structs.replace(closing, state=after, forgotten_id=closing.problem.id if closing.problem else "")


def _remember(memory: IncidentMemory, receipt: Receipt, rules: ProblemPolicy) -> EarlyCloses | None:
    """Return the early closes with one more, where it may still close something."""
    state = memory.problem
    early = memory.early.closes if memory.early else ()
    is_its_own = receipt.event is not None and receipt.event.id == receipt.correlation_id  # nothing else ever speaks of that
    if not receipt.is_ordered or is_its_own or (state is not None and (state.is_open or receipt.mark <= state.newest)):
        return memory.early
    early_close = Close(receipt.mark, receipt.named_end, receipt.record_id)
    closes = tuple(sorted({*early, early_close}, key=lambda close: (close.mark, close.record_id)))[-MAX_EARLY_CLOSES:]
    return EarlyCloses(closes, receipt.now + rules.keep_ms)


def _closing(early: EarlyCloses | None, state: ProblemState | None, receipt: Receipt) -> Close | None:
    """Return the first remembered close that is later than an opening and ends nothing before it."""
    if early is None or state is None or not receipt.is_ordered:
        return None
    start = state.problem.start
    later = (close for close in early.closes if close.mark > receipt.mark and (close.end is None or close.end >= start))
    return next(later, None)


def _behind(early: EarlyCloses | None, closing: Close) -> EarlyCloses | None:
    rest = tuple(close for close in early.closes if close.mark > closing.mark) if early else ()
    return EarlyCloses(rest, early.forget_at) if early and rest else None
