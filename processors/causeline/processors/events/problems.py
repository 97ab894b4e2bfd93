"""The life of a problem, for all dialects: opened, refreshed any number of times, closed or timed out, opened again as a new problem.

`TRANSITIONS` is the single statement of it; the functions below say what each move does to the snapshot, and every one of them asks the
table first, so that an illegal move raises and leaves no trace. The picture in `docs/problems.md` is drawn from the table (`diagram.py`).

A signal is a `Receipt`; what it does to a state is a `Step`. `now` and `at` of a transition are task time, `start` and `end` the times of
the events, all in ms UTC. What happens by itself (a timeout, a delayed refresh) happens at its own instant, however late it is noticed,
so a replay tells the same story. Which signals are moves at all, and in which order, is decided in `incidents.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from causeline.processors.events.problem_columns import Telling, describe_problem
from causeline.processors.events.state import Mark, ProblemState
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.wire import codec

Life = Literal["absent", "open", "closed"]
Move = Literal["open", "close", "expire", "delete", "forget"]

TRANSITIONS: Final[Mapping[tuple[Life, Move], tuple[Transition | None, Life]]] = MappingProxyType(
    {
        ("absent", "open"): ("opened", "open"),
        ("absent", "close"): (None, "absent"),
        ("absent", "delete"): (None, "absent"),
        ("open", "open"): ("refreshed", "open"),
        ("open", "close"): ("closed", "closed"),
        ("open", "expire"): ("timed_out", "closed"),
        ("open", "delete"): ("deleted", "absent"),
        ("closed", "open"): ("reopened", "open"),
        ("closed", "close"): (None, "closed"),
        ("closed", "delete"): ("deleted", "absent"),
        ("closed", "forget"): (None, "absent"),
    },
)
"""(life, move) to (what is published, life after it). No transition: the move is legal and says nothing new."""


PAST: Final = 16
"""Earlier problems of one correlation id whose times are remembered, so that an incident that is told again whole is not a new one."""


class IllegalMove(Exception):
    """A move that the table does not know: a fault of the program, never of a client."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One signal as it was received.

    `record_id` is the ingest record behind it and the id of the problem that it opens. `event` is the event that carries it, None for a
    refresh that brings nothing but itself. `lives` says that the event lives and ends with its problem. `timeout_ms` is None where the
    signal says nothing of a timeout, 0 where the problem never times out. `is_news` is False for a change of an event: its columns are all
    there is to say, and it refreshes only what it really changes.

    `at` is when it happened by its own word, None where it says nothing of that. `is_ordered`: it comes from one of several senders, so its
    place among others is that time; else (a push, a change of an event) it is the log's. `end` is the end that it names without an event.
    `is_end` is False for a change of an event that was over before.
    """

    record_id: str
    correlation_id: str
    now: int
    ingest_ts: int
    event: Event | None = None
    lives: bool = False
    timeout_ms: int | None = None
    is_news: bool = True
    at: int | None = None
    is_ordered: bool = False
    end: int | None = None
    is_end: bool = True

    @property
    def mark(self) -> Mark:
        """Return its place among signals: its own time, then its arrival. What arrived did not happen later."""
        return min(self.now if self.at is None else self.at, self.ingest_ts), self.ingest_ts

    @property
    def named_end(self) -> int | None:
        """Return the end that it names."""
        return self.event.end if self.event is not None and self.end is None else self.end


class Step(msgspec.Struct, frozen=True):
    """What a move makes: the next state (None: forgotten), what is published, and the version of the event that lives with it.

    `forgotten_id` is the id of a problem that leaves the table of current ones, since no state stands for it any more. `coalesced` counts
    refreshes that got no transition.
    """

    state: ProblemState | None
    problem: Problem | None = None
    event: bytes | None = None
    forgotten_id: str = ""
    coalesced: int = 0


class ProblemPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`interval_ms`: the least time between two published refreshes of a problem; `keep_ms`: how long a closed one can be reopened."""

    interval_ms: int = 10_000
    keep_ms: int = 7 * 86_400_000


def life_of(state: ProblemState | None) -> Life:
    """Return where a problem stands in its life."""
    if state is None:
        return "absent"
    return "open" if state.is_open else "closed"


def legal(life: Life, move: Move) -> tuple[Transition | None, Life]:
    """Return what the table says of a move. Raises IllegalMove where it says nothing."""
    try:
        return TRANSITIONS[life, move]
    except KeyError:
        raise IllegalMove(f"{move!r} of a problem that is {life}") from None


def open_problem(state: ProblemState | None, receipt: Receipt, rules: ProblemPolicy) -> Step:
    """Open a problem, open it again as a new one, or refresh the open one.

    Refreshes are published at most once in `rules.interval_ms`, but at once where the timeout changed: readers judge by the deadline.
    Raises IllegalMove, and ValueError where a problem is to be opened without an event.
    """
    transition, _ = legal(life_of(state), "open")
    if state is not None and state.is_open:
        return _refresh(state, receipt, rules)
    if receipt.event is None or transition is None:
        raise ValueError("a problem opens with an event")
    deadline = receipt.now + receipt.timeout_ms if receipt.timeout_ms else None
    problem = Problem(
        tenant=receipt.event.tenant,
        id=receipt.record_id,
        version=1,
        correlation_id=receipt.correlation_id,
        event_id=receipt.event.id,
        previous_id=state.problem.id if state else "",
        state="open",
        transition=transition,
        at=receipt.now,
        cause=receipt.record_id,
        start=_start(state, receipt, receipt.event),
        last_receipt=receipt.now,
        deadline=deadline,
        ingest_ts=receipt.ingest_ts,
        dialect=receipt.event.dialect,
        kind=receipt.event.kind,
    )
    problem = describe_problem(problem, receipt.event, "opening")
    event = _live(receipt.event, problem) if receipt.lives else b""
    past = () if state is None else (*state.past, (state.problem.start, state.problem.end or state.problem.start))[-PAST:]
    next_state = ProblemState(problem=problem, timeout_ms=receipt.timeout_ms or 0, event=event, newest=receipt.mark, past=past)
    return Step(next_state, problem, event or None, forgotten_id=problem.previous_id)


def close(state: ProblemState | None, receipt: Receipt, rules: ProblemPolicy) -> Step:
    """Close an open problem; nothing where none is open.

    It ends at the end that the event names, else when that happened, else now, and never before its start or after now.
    """
    transition, _ = legal(life_of(state), "close")
    if state is None or transition is None:
        return Step(state)
    end = _end_of(state.problem.start, receipt)
    snapshot = describe_problem(state.problem, receipt.event, _telling(receipt, "closing"))
    snapshot = msgspec.structs.replace(snapshot, last_receipt=receipt.now, cause=receipt.record_id)
    next_state = msgspec.structs.replace(state, newest=(end, receipt.ingest_ts))
    return _end(next_state, snapshot, transition, at=receipt.now, end=end, rules=rules)


def expire(state: ProblemState | None, rules: ProblemPolicy) -> Step:
    """Time out an open problem: it ends at its deadline, which is its last receipt plus the timeout. Raises IllegalMove."""
    transition, _ = legal(life_of(state), "expire")
    if state is None or state.problem.deadline is None or transition is None:
        raise IllegalMove("a problem without a deadline does not time out")
    snapshot = msgspec.structs.replace(state.problem, cause="")
    return _end(state, snapshot, transition, at=state.problem.deadline, end=state.problem.deadline, rules=rules)


def delete(state: ProblemState | None, receipt: Receipt) -> Step:
    """Delete a problem whose event was deleted; nothing where none is known."""
    transition, _ = legal(life_of(state), "delete")
    if state is None or transition is None:
        return Step(state)
    problem = msgspec.structs.replace(
        state.problem,
        version=state.problem.version + 1,
        is_deleted=True,
        transition=transition,
        at=receipt.now,
        cause=receipt.record_id,
    )
    return Step(None, problem, forgotten_id=problem.id, coalesced=state.unpublished)


def forget(state: ProblemState | None) -> Step:
    """Forget a closed problem: from now on the same correlation id opens without a link to it. Raises IllegalMove."""
    legal(life_of(state), "forget")
    return Step(None, forgotten_id=state.problem.id if state else "")


def publish_problem(state: ProblemState) -> Step:
    """Publish the refreshes that waited, at the instant they waited for. Raises IllegalMove where none waits."""
    transition, _ = legal(life_of(state), "open")
    if state.publish_at is None or transition is None:
        raise IllegalMove("no refresh waits")
    return _publish(state, transition, at=state.publish_at, coalesced=state.unpublished - 1)


def _refresh(state: ProblemState, receipt: Receipt, rules: ProblemPolicy) -> Step:
    is_older = receipt.is_ordered and receipt.mark < state.newest
    showing = describe_problem(state.problem, receipt.event, "earlier" if is_older else _telling(receipt, "opening"))
    if not receipt.is_news and showing == state.problem:
        return Step(state)
    timeout_ms = state.timeout_ms if receipt.timeout_ms is None else receipt.timeout_ms
    problem = msgspec.structs.replace(
        showing,
        refresh_count=state.problem.refresh_count + 1,
        last_receipt=receipt.now,
        cause=receipt.record_id,
        deadline=_deadline(state, receipt),
    )
    # Half the timeout, where that is shorter: a published deadline must not pass while its extension waits.
    interval_ms = min(rules.interval_ms, timeout_ms // 2) if timeout_ms else rules.interval_ms
    waiting = state.unpublished
    next_state = msgspec.structs.replace(
        state,
        problem=problem,
        timeout_ms=timeout_ms,
        interval_ms=interval_ms,
        unpublished=waiting + 1,
        newest=max(state.newest, receipt.mark) if receipt.is_ordered else state.newest,
    )
    is_free = state.refreshed_at is None or receipt.now - state.refreshed_at >= interval_ms
    if is_free or timeout_ms != state.timeout_ms:
        return _publish(next_state, "refreshed", at=receipt.now, coalesced=waiting)
    return Step(next_state)


def _deadline(state: ProblemState, receipt: Receipt) -> int | None:
    """Return the deadline: the last timeout received wins, from its receipt on; a signal without one moves nothing."""
    if receipt.timeout_ms is None:
        return state.problem.deadline
    return receipt.now + receipt.timeout_ms if receipt.timeout_ms else None


def _publish(state: ProblemState, transition: Transition, *, at: int, coalesced: int) -> Step:
    problem = msgspec.structs.replace(state.problem, version=state.problem.version + 1, transition=transition, at=at)
    event = _again(state.event, problem)
    next_state = msgspec.structs.replace(state, problem=problem, event=event, refreshed_at=at, unpublished=0)
    return Step(next_state, problem, event or None, coalesced=coalesced)


def _end(state: ProblemState, snapshot: Problem, transition: Transition, *, at: int, end: int, rules: ProblemPolicy) -> Step:
    problem = msgspec.structs.replace(snapshot, version=snapshot.version + 1, state="closed", transition=transition, at=at, end=end)
    event = _again(state.event, problem)
    memory = {name: getattr(state, name) for name in ("following", "newest", "past")}
    next_state = ProblemState(problem=problem, forget_at=at + rules.keep_ms, **memory)
    return Step(next_state, problem, event or None, coalesced=state.unpublished)


def _start(state: ProblemState | None, receipt: Receipt, event: Event) -> int:
    """Return the event's start, but not within the problem before: the same event opens it again now, another one when that ended."""
    start = event.ts if event.start is None else event.start
    if state is None or state.problem.end is None or start >= state.problem.end:
        return start
    if state.problem.event_id == event.id:
        return receipt.now
    return state.problem.end if receipt.is_ordered else start


def _end_of(start: int, receipt: Receipt) -> int:
    """Return the end of a problem that began at `start`."""
    own = receipt.now
    if receipt.at is not None and (receipt.is_ordered or receipt.at > start):
        own = receipt.at
    named_end = receipt.named_end
    end = own if named_end is None or named_end < start else named_end
    return max(start, min(end, receipt.now))


def _telling(receipt: Receipt, signal: Telling) -> Telling:
    """Return what a signal brings: a change of an event all of it, whatever it says of the problem."""
    return signal if receipt.is_news else "whole"


def _live(event: Event, problem: Problem) -> bytes:
    """Return the framed event that lives with its problem, as its next version says."""
    is_open = problem.state == "open"
    live_event = msgspec.structs.replace(
        event,
        version=problem.version,
        status=problem.state,
        updated_ts=problem.at,
        deadline=problem.deadline,
        end=None if is_open else problem.end,
        problem_id=problem.id,
    )
    return codec.encode_record(live_event)


def _again(event: bytes, problem: Problem) -> bytes:
    return _live(codec.decode_record(event, Event), problem) if event else b""
