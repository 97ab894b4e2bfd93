"""What is due of a subscription, what is handed out, and when to look again. Once a round for each subscription that it touched.

Heads are the first of each line (`Waiting.line`): one is under way at a time, and the next one waits until it is delivered or given up. An
attempt whose lease ran out is handed out again, and does not count as a failure: the worker died, not the endpoint. Tests are handed out
as they come (at most 16 wait); all else waits for its turn in the partition (`sharing`).
"""

import msgspec

from causeline.processors.delivery import intake, pressure
from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.plans import Heads, Plan
from causeline.processors.delivery.rounds import DeliveryFold
from causeline.processors.delivery.state import Waiting
from causeline.schemas.records.delivery_work import OF_PROBLEMS, Attempt, Backfill, Refill
from causeline.schemas.subscriptions.rules import Rule


def due_at(waiting: Waiting, released_at: int) -> int:
    """Return when a notification may be tried; one that was put off before the endpoint came back may at once."""
    return waiting.due_at if waiting.decided_at > released_at else 0


def make_plan(fold: DeliveryFold, draft: StateDraft, rule: Rule) -> Plan:
    """Return what is due of a subscription that is set up. Tests and readings of the log are handed out here."""
    _end_leases(fold, draft)
    plan = Plan(rule)
    heads = Heads(draft)
    plan.alarms.extend(heads.leases)
    if draft.course.reading_until > fold.now:
        plan.alarms.append(draft.course.reading_until)
    elif draft.course.reading_until:
        draft.set(reading_until=0)
    for seq, test in heads.tests:
        plan.alarms.append(_hand_out(fold, draft, rule, seq, test))
    if rule.state == "active" and not draft.course.disabled:
        _plan_heads(fold, draft, heads, plan)
        plan.alarms.extend(_reading(fold, draft, rule))
    return plan


def hand_out_next(fold: DeliveryFold, draft: StateDraft, plan: Plan) -> None:
    """Hand out the oldest of what is due."""
    seq, waiting = plan.due.popleft()
    if plan.is_probe:
        is_early = due_at(waiting, draft.course.released_at) > fold.now
        waiting = msgspec.structs.replace(waiting, early=is_early)
        draft.set(breaker=pressure.probing(draft.course.breaker), untold=True)
    plan.alarms.append(_hand_out(fold, draft, plan.rule, seq, waiting))


def _end_leases(fold: DeliveryFold, draft: StateDraft) -> None:
    """Await no longer what was not reported in time. What an earlier attempt delivered is over with it."""
    overdue = [(seq, one) for seq, one in draft.now.waiting.items() if one.awaited and one.lease_until <= fold.now]
    for seq, one in overdue:
        fold.take_loss()
        if one.delivered:
            draft.drop(seq)
        else:
            draft.replace(seq, msgspec.structs.replace(one, awaited=False, early=False, lease_until=0))


def _plan_heads(fold: DeliveryFold, draft: StateDraft, heads: Heads, plan: Plan) -> None:
    course, now = draft.course, fold.now
    if not heads.idle:
        return
    if course.hold_until > now:
        plan.alarms.append(course.hold_until)
    elif course.breaker.state == "open" and course.breaker.until > now:
        plan.alarms.append(course.breaker.until)
    elif course.breaker.state != "closed":
        # The oldest head alone is tried. While it is under way there is no other one.
        plan.is_probe = True
        if course.breaker.state == "open" or not heads.in_flight:
            plan.due.append(heads.idle[0])
    else:
        _plan_window(fold, draft, heads, plan)


def _plan_window(fold: DeliveryFold, draft: StateDraft, heads: Heads, plan: Plan) -> None:
    room = draft.course.window - heads.in_flight
    for seq, one in heads.idle:
        due = due_at(one, draft.course.released_at)
        if due > fold.now:
            plan.alarms.append(due)
        elif room > 0:
            plan.due.append((seq, one))
            room -= 1


def _hand_out(fold: DeliveryFold, draft: StateDraft, rule: Rule, seq: int, waiting: Waiting) -> int:
    """Give an attempt to the workers; return when its lease ends."""
    now = fold.now
    until = now + fold.limits.lease_ms
    current = msgspec.structs.replace(
        waiting, attempts=waiting.attempts + 1, awaited=True, lease_until=until, first_at=waiting.first_at or now
    )
    draft.replace(seq, current)
    thread = draft.now.threads.get(waiting.entity) if waiting.what in OF_PROBLEMS else None
    attempt = Attempt(
        subscription=draft.id,
        revision=rule.revision,
        delivery_id=current.delivery_id(draft.id),
        seq=seq,
        attempt=current.attempts,
        what=current.what,
        entity=current.entity,
        version=current.version,
        record=current.record,
        thread=thread.text if thread else "",
        received=current.received,
        first_at=current.first_at,
        at=now,
        begin_within_ms=fold.limits.begin_ms,
    )
    fold.hand_out(attempt, draft.id)
    return until


def _reading(fold: DeliveryFold, draft: StateDraft, rule: Rule) -> list[int]:
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
        fold.hand_out(Backfill(rule=rule, since=course.backfill, at=now, begin_within_ms=limits.begin_ms), draft.id)
    else:
        refill = Refill(subscription=draft.id, partition=fold.partition, since=course.cursor, at=now, begin_within_ms=limits.begin_ms)
        fold.hand_out(refill, draft.id)
    return [until]
