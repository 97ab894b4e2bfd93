"""What is handed out now, and when to look again. Once a round for each subscription that it touched.

Heads are the first of each entity: one is under way at a time, and the next one waits until it is delivered or given up. An attempt whose
lease ran out is handed out again, and does not count as a failure: the worker died, not the endpoint.
"""

import msgspec

from causeline.processors.delivery import intake, pressure
from causeline.processors.delivery.draft import Draft
from causeline.processors.delivery.rounds import Fold
from causeline.processors.delivery.state import Waiting
from causeline.schemas.deliveries import Attempt, Backfill, Refill
from causeline.schemas.subscriptions import Rule


class Heads:
    """What of a subscription may be handed out: tests, and heads that are not under way, with their numbers, the oldest first."""

    def __init__(self, draft: Draft, now: int) -> None:
        self.tests: list[tuple[int, Waiting]] = []
        self.idle: list[tuple[int, Waiting]] = []
        self.leases: list[int] = []
        self.in_flight = 0
        seen: set[str] = set()
        for seq, one in draft.now.waiting.items():
            is_test = one.what == "test"
            if is_test or one.entity not in seen:
                if one.awaited and one.lease_until > now:
                    self.in_flight += not is_test
                    self.leases.append(one.lease_until)
                else:
                    (self.tests if is_test else self.idle).append((seq, one))
            if not is_test:
                seen.add(one.entity)


def due_at(waiting: Waiting, released_at: int) -> int:
    """Return when a notification may be tried; one that was put off before the endpoint came back may at once."""
    return waiting.due_at if waiting.decided_at > released_at else 0


def dispatch(fold: Fold, draft: Draft) -> int | None:
    """Hand out what is due. Return when something will be due by itself, None for never. For a subscription that is set up."""
    rule = draft.now.rule
    if rule is None:
        return None
    heads = Heads(draft, fold.now)
    alarms = list(heads.leases)
    if draft.course.reading_until > fold.now:
        alarms.append(draft.course.reading_until)
    elif draft.course.reading_until:
        draft.set(reading_until=0)
    for seq, test in heads.tests:
        alarms.append(_hand_out(fold, draft, rule, seq, test))
    if rule.state == "active" and not draft.course.disabled:
        alarms += _heads(fold, draft, rule, heads)
        alarms += _reading(fold, draft, rule)
    return min(alarms, default=None)


def _heads(fold: Fold, draft: Draft, rule: Rule, heads: Heads) -> list[int]:
    course, now = draft.course, fold.now
    if not heads.idle:
        return []
    if course.hold_until > now:
        return [course.hold_until]
    if course.breaker.state == "open" and course.breaker.until > now:
        return [course.breaker.until]
    if course.breaker.state != "closed":
        return _probe(fold, draft, rule, heads)
    alarms = []
    room = course.window - heads.in_flight
    for seq, one in heads.idle:
        due = due_at(one, course.released_at)
        if due > now:
            alarms.append(due)
        elif room > 0:
            alarms.append(_hand_out(fold, draft, rule, seq, one))
            room -= 1
    return alarms


def _probe(fold: Fold, draft: Draft, rule: Rule, heads: Heads) -> list[int]:
    """Try the oldest head alone. While it is under way there is no other one."""
    course = draft.course
    if course.breaker.state == "half_open" and heads.in_flight:
        return []
    draft.set(breaker=pressure.probing(course.breaker), untold=True)
    seq, oldest = heads.idle[0]
    is_early = due_at(oldest, course.released_at) > fold.now
    return [_hand_out(fold, draft, rule, seq, msgspec.structs.replace(oldest, early=is_early))]


def _hand_out(fold: Fold, draft: Draft, rule: Rule, seq: int, waiting: Waiting) -> int:
    """Give an attempt to the workers; return when its lease ends."""
    now = fold.now
    until = now + fold.limits.lease_ms
    tried = msgspec.structs.replace(
        waiting, attempts=waiting.attempts + 1, awaited=True, lease_until=until, first_at=waiting.first_at or now
    )
    draft.replace(seq, tried)
    thread = draft.now.threads.get(waiting.entity) if waiting.what == "problem" else None
    attempt = Attempt(
        subscription=draft.id,
        revision=rule.revision,
        delivery_id=tried.delivery_id(draft.id),
        seq=seq,
        attempt=tried.attempts,
        what=tried.what,
        entity=tried.entity,
        version=tried.version,
        record=tried.record,
        thread=thread.text if thread else "",
        received=tried.received,
        first_at=tried.first_at,
        at=now,
    )
    fold.hand_out(attempt, draft.id)
    return until


def _reading(fold: Fold, draft: Draft, rule: Rule) -> list[int]:
    """Let the log be read for a subscription that is behind, is delivered to, and has room."""
    course, now, limits = draft.course, fold.now, fold.limits
    if course.cursor is None or course.reading_until or not intake.has_space(draft, limits):
        return []
    if course.breaker.state != "closed" and draft.now.waiting:
        return []  # What waits is enough to probe with.
    later = max(course.hold_until, course.read_at)
    if later > now:
        return [later]
    if not intake.may_read(fold):
        return [now + limits.room_ms]
    until = now + limits.lease_ms
    draft.set(reading_until=until)
    if course.backfill is not None:
        fold.hand_out(Backfill(rule=rule, since=course.backfill, at=now), draft.id)
    else:
        fold.hand_out(Refill(subscription=draft.id, partition=fold.partition, since=course.cursor, at=now), draft.id)
    return [until]
