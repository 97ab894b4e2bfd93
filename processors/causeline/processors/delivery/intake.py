"""What comes in for a subscription: taken into memory, or left in the log where memory is full or older records come first.

While a subscription is behind nothing new is taken directly, so the order of each line is the order of the log: first the
public topics from before it was made (backfill), then `causeline.deliveries` from the cursor on (refill), then live again.
"""

from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.rounds import DeliveryFold
from causeline.processors.delivery.state import Waiting
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery_work import OF_PROBLEMS, Backfilled, Notification, Refilled, What
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec


def waiting_of(notification: Notification) -> Waiting:
    """Return a notification as it waits, the same for each of its subscriptions."""
    return Waiting(
        what=notification.what,
        entity=notification.entity,
        version=notification.version,
        record=notification.record,
        received=notification.received,
        renamed=notification.delivery_id,
        correlation_id=correlation_of(notification.what, notification.record),
    )


def correlation_of(what: What, record: bytes) -> str:
    """Return the correlation id of a problem, also where its causes are told, "" of anything else.

    It is read from the record: so old ones on the log have it too.
    """
    if what not in OF_PROBLEMS:
        return ""
    try:
        return decode_of_problem(what, record).correlation_id
    except codec.CodecError:
        return ""


def decode_of_problem(what: What, record: bytes) -> Problem | CauseRevision:
    """Return what is told of a problem (`OF_PROBLEMS`). Raises CodecError where it cannot be read."""
    return codec.decode_record(record, CauseRevision) if what == "causes" else codec.decode_record(record, Problem)


def receive(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, offset: int) -> None:
    """Decide on a notification that lies at this offset of the input."""
    if draft.is_gone:
        fold.counts.outcomes["cancelled"] += 1
        return
    if not draft.is_set_up and not draft.course.forget_at:
        draft.set(forget_at=fold.now + fold.limits.forget_ms)
    if waiting.what == "test":
        _receive_test(fold, draft, waiting)
        return
    if not draft.is_set_up and draft.course.first_offset < 0:
        draft.set(first_offset=offset)
    if draft.course.cursor is None and not has_room(fold, draft, len(waiting.record)):
        draft.set(cursor=offset)
        fold.say("subscription_behind", draft, offset=offset, waiting=len(draft.now.waiting), bytes=draft.now.weight)
    if draft.course.cursor is None:
        _take(draft, waiting)
    else:
        draft.set(deferred=draft.course.deferred + 1, last_deferred=offset, untold=True)


def take_refill(fold: DeliveryFold, draft: StateDraft, message: Refilled) -> None:
    """Take what was left in the log. A report about another place than the one that is waited for changes nothing."""
    course = draft.course
    if course.backfill is not None or course.cursor is None or course.cursor != message.since:
        return
    if message.until <= message.since:
        draft.set(reading_until=0, read_at=fold.now + fold.limits.read_again_ms)
        return
    count = _take_all(draft, message.found)
    draft.set(cursor=message.until, deferred=max(0, course.deferred - count), reading_until=0)
    _catch_up(fold, draft)


def take_backfill(fold: DeliveryFold, draft: StateDraft, message: Backfilled) -> None:
    """Take what was written before the subscription was made. A report about another place changes nothing."""
    course = draft.course
    if course.backfill is None or course.backfill != message.since:
        return
    _take_all(draft, message.found)
    stands = message.cursor == message.since and not message.done
    draft.set(
        backfill=None if message.done else message.cursor,
        reading_until=0,
        read_at=fold.now + fold.limits.read_again_ms if stands else 0,
        untold=True,
    )
    if message.done:
        _catch_up(fold, draft)


def has_room(fold: DeliveryFold, draft: StateDraft, size: int) -> bool:
    """Return whether a record of this size may be taken directly: within the bounds of the subscription and of the partition."""
    limits, state = fold.limits, draft.now
    if state.waiting and (len(state.waiting) >= limits.waiting or state.weight + size + limits.weight > limits.waiting_bytes):
        return False
    return fold.totals.weight + size + limits.weight <= limits.held_bytes * 3 // 4


def may_read(fold: DeliveryFold) -> bool:
    """Return whether the partition has room for what one more reading brings, besides those under way."""
    return fold.totals.weight + (fold.totals.reading + 1) * reading_bytes(fold.limits) <= fold.limits.held_bytes


def reading_bytes(limits: DeliveryLimits) -> int:
    """Return the most that a reading adds to what is held, but for a single larger record."""
    return limits.found_bytes + limits.waiting // 2 * limits.weight


def has_space(draft: StateDraft, limits: DeliveryLimits) -> bool:
    """Return whether a subscription has room for a whole reading: about half of what it may hold."""
    state = draft.now
    is_short = len(state.waiting) < limits.waiting // 2 and state.weight + reading_bytes(limits) <= limits.waiting_bytes
    return not state.waiting or is_short


def _receive_test(fold: DeliveryFold, draft: StateDraft, waiting: Waiting) -> None:
    """Take a test wherever the others stand: it is not part of their order, and the log is not read again for it."""
    if sum(one.what == "test" for one in draft.now.waiting.values()) >= fold.limits.tests:
        fold.counts.outcomes["cancelled"] += 1
    else:
        _take(draft, waiting)


def _take_all(draft: StateDraft, notifications: tuple[Notification, ...]) -> int:
    others = [one for one in notifications if one.what != "test"]
    for one in others:
        _take(draft, waiting_of(one))
    return len(others)


def _take(draft: StateDraft, waiting: Waiting) -> None:
    draft.append(waiting)
    draft.set(untold=True)


def _catch_up(fold: DeliveryFold, draft: StateDraft) -> None:
    """Go live again where the cursor has passed all that was left in the log. What was not found there is lost: retention took it."""
    course = draft.course
    if course.cursor is None or course.cursor <= course.last_deferred:
        return
    draft.set(cursor=None, deferred=0, skipped=course.skipped + course.deferred, untold=True)
    if course.deferred:
        fold.counts.outcomes["skipped"] += course.deferred
    fold.say("subscription_live", draft, skipped=course.deferred)
