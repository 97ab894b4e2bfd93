"""One subscription as a round sees it: its own copy, what it changed, and what of that the changelog gets."""

from typing import Any, Final

import msgspec

from causeline.processors.delivery import state
from causeline.processors.delivery.state import Course, DeliveryState, Thread, Waiting

_EMPTY: Final = DeliveryState()


class Totals:
    """What all subscriptions of a partition take together: `weight` in bytes, `waiting` notifications, `reading` under way.

    `under_way` are the attempts that are handed out and not reported, within their lease or not looked at since.
    """

    def __init__(self, weight: int = 0, waiting: int = 0, reading: int = 0, under_way: int = 0) -> None:
        self.weight = weight
        self.waiting = waiting
        self.reading = reading
        self.under_way = under_way

    def copy(self) -> "Totals":
        """Return the same figures, to be changed apart."""
        return Totals(self.weight, self.waiting, self.reading, self.under_way)


class StateDraft:
    """A copy of a subscription that a round may change. `base` is what is committed (None: unknown so far), which stays as it is."""

    def __init__(self, subscription: str, base: DeliveryState | None, totals: Totals, weight: int) -> None:
        base_state = base or _EMPTY
        self.id: Final = subscription
        self.base: Final = base
        self.now = DeliveryState(base_state.rule, base_state.course, dict(base_state.waiting), dict(base_state.threads))
        self.now.weight = base_state.weight
        self.now.alarm = base_state.alarm
        self.is_removed = False
        self.is_settled = False
        self._totals = totals
        self._weight = weight
        self._seqs: set[int] = set()
        self._entities: set[str] = set()

    @property
    def course(self) -> Course:
        """How it goes on, as of now."""
        return self.now.course

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted and is only remembered."""
        return self.now.rule is not None and self.now.rule.gone

    @property
    def is_set_up(self) -> bool:
        """Whether there is such a subscription."""
        return self.now.rule is not None and not self.now.rule.gone

    def set(self, **changes: Any) -> None:
        """Change fields of the course."""
        before = self.now.course.reading_until
        self.now.course = msgspec.structs.replace(self.now.course, **changes)
        self._totals.reading += bool(self.now.course.reading_until) - bool(before)

    def append(self, waiting: Waiting) -> int:
        """Let a notification wait behind the others; return its number."""
        seq = self.course.next_seq
        self.set(next_seq=seq + 1)
        self._weigh(waiting, 1)
        self.now.waiting[seq] = waiting
        self._seqs.add(seq)
        return seq

    def replace(self, seq: int, waiting: Waiting) -> None:
        """Change a notification that waits."""
        self._totals.under_way += waiting.awaited - self.now.waiting[seq].awaited
        self.now.waiting[seq] = waiting
        self._seqs.add(seq)

    def drop(self, seq: int) -> None:
        """Let a notification wait no more."""
        waiting = self.now.waiting.pop(seq)
        self._totals.under_way -= waiting.awaited
        self._weigh(waiting, -1)
        self._seqs.add(seq)

    def put_thread(self, entity: str, thread: Thread | None) -> None:
        """Set or forget where messages of a problem belong."""
        if thread is None:
            self.now.threads.pop(entity, None)
        else:
            self.now.threads[entity] = thread
        self._entities.add(entity)

    def clear(self) -> None:
        """Forget what waits and every thread."""
        for seq in list(self.now.waiting):
            self.drop(seq)
        for entity in list(self.now.threads):
            self.put_thread(entity, None)

    def changes(self) -> dict[bytes, bytes | None]:
        """Return what the changelog gets."""
        base, now = self.base or _EMPTY, self.now
        changes: dict[bytes, bytes | None] = {}
        if now.rule is not base.rule:
            changes[state.rule_key(self.id)] = None if now.rule is None else state.encode_delivery_state(now.rule)
        if self.is_removed:
            changes[state.rule_key(self.id)] = changes[state.course_key(self.id)] = None
        elif now.course is not base.course and now.course != base.course:
            changes[state.course_key(self.id)] = state.encode_delivery_state(now.course)
        for seq in sorted(self._seqs):
            waiting = now.waiting.get(seq)
            if waiting is not None:
                changes[state.waiting_key(self.id, seq)] = state.encode_delivery_state(waiting)
            elif seq in base.waiting:
                changes[state.waiting_key(self.id, seq)] = None
        for entity in sorted(self._entities):
            thread = now.threads.get(entity)
            if thread is not None:
                changes[state.thread_key(self.id, entity)] = state.encode_delivery_state(thread)
            elif entity in base.threads:
                changes[state.thread_key(self.id, entity)] = None
        return changes

    def _weigh(self, waiting: Waiting, sign: int) -> None:
        weight = sign * weight_of(waiting, self._weight)
        self.now.weight += weight
        self._totals.weight += weight
        self._totals.waiting += sign


def weight_of(waiting: Waiting, besides: int) -> int:
    """Return the bytes that a notification is counted as: its record, and `besides` for the rest of it."""
    return len(waiting.record) + besides
