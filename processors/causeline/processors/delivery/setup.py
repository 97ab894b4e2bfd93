"""A subscription is made, changed, enabled again, or deleted. Only a higher revision than the known one changes anything."""

from causeline.processors.delivery import health, incidents, pressure
from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.pressure import Breaker
from causeline.processors.delivery.rounds import DeliveryFold
from causeline.processors.delivery.state import Course
from causeline.schemas.subscriptions.rules import Rule


def adopt_rule(fold: DeliveryFold, draft: StateDraft, rule: Rule, offset: int) -> None:
    """Take over a rule that lies at this offset of the input."""
    current = draft.now.rule
    if current is not None and rule.revision <= current.revision:
        return
    if rule.gone:
        _delete(fold, draft, rule)
        return
    draft.now.rule = rule
    if current is None or current.gone:
        _begin(fold, draft, rule, offset)
    else:
        _change(fold, draft, rule)
    draft.set(untold=True)


def forget_subscription(fold: DeliveryFold, draft: StateDraft) -> None:
    """Forget a subscription that was deleted long ago, or that nobody set up: no trace of it is left."""
    _cancel(fold, draft)
    draft.now.rule = None
    draft.now.course = Course()
    draft.is_removed = True


def _begin(fold: DeliveryFold, draft: StateDraft, rule: Rule, offset: int) -> None:
    """Set up a new one. Notifications may have come before, where the state was lost and is told of the rule again."""
    course = draft.course
    draft.set(forget_at=0, first_offset=-1, window=fold.limits.window_start)
    if rule.start_from is None:
        return
    # What came before is newer than what is read from the public topics: it is taken from the log again, behind that.
    early = [seq for seq, waiting in draft.now.waiting.items() if waiting.what != "test"]
    for seq in early:
        draft.drop(seq)
    draft.set(
        backfill="",
        cursor=course.first_offset if course.first_offset >= 0 else offset,
        last_deferred=max(course.last_deferred, offset - 1),
        deferred=course.deferred + len(early),
    )


def _change(fold: DeliveryFold, draft: StateDraft, rule: Rule) -> None:
    """Try the endpoint at once, since its owner may have corrected what was wrong with it."""
    course = draft.course
    if course.disabled and rule.state == "active":
        draft.set(disabled="", breaker=pressure.CLOSED_BREAKER, window=fold.limits.window_start, hold_until=0, released_at=fold.now)
        incidents.close_incident(fold, draft, "The subscription was changed and is enabled again.")
    else:
        breaker = course.breaker
        until = min(breaker.until, fold.now)
        draft.set(hold_until=0, breaker=Breaker(breaker.state, breaker.failures, breaker.opened, until))


def _delete(fold: DeliveryFold, draft: StateDraft, rule: Rule) -> None:
    incidents.close_incident(fold, draft, "The subscription was deleted.")
    if draft.is_set_up:
        health.clear_health(fold, draft)
    _cancel(fold, draft)
    draft.set(reading_until=0)
    # Late reports speak of numbers that are never used again, and late notifications find that it is gone.
    draft.now.course = Course(next_seq=draft.course.next_seq, forget_at=fold.now + fold.limits.forget_ms)
    draft.now.rule = rule
    fold.say("subscription_deleted", draft)


def _cancel(fold: DeliveryFold, draft: StateDraft) -> None:
    """Drop what waits. It is counted, not written: a log of what nobody wants to be told is of no use."""
    fold.counts.outcomes["cancelled"] += len(draft.now.waiting) + draft.course.deferred
    draft.set(reading_until=0)
    draft.clear()
