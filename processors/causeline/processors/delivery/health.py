"""How a subscription fares, told to whoever shows it: at once where that matters, else now and then."""

import msgspec

from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.rounds import DeliveryFold
from causeline.processors.delivery.state import DeliveryState
from causeline.processors.runtime.ports import Output
from causeline.schemas.records.delivery import Health, HealthState
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import HEALTH


def health_state(rule: Rule, state: DeliveryState) -> HealthState:
    """Return what a subscription does, the strongest reason first."""
    if state.course.disabled:
        return "disabled"
    if rule.state == "paused":
        return "paused"
    return "active" if state.course.backfill is None else "backfilling"


def health_of(rule: Rule, state: DeliveryState, now: int) -> Health:
    """Return the health of a subscription as of task time `now`."""
    course = state.course
    return Health(
        id=rule.id,
        tenant=rule.tenant,
        revision=rule.revision,
        state=health_state(rule, state),
        why=course.disabled,
        breaker=course.breaker.state,
        breaker_until=course.breaker.until if course.breaker.state == "open" else None,
        failures=course.breaker.failures,
        waiting=len(state.waiting),
        behind=course.cursor is not None,
        oldest=state.oldest,
        attempts=course.attempts,
        delivered=course.delivered,
        failed=course.failed,
        dead=course.dead,
        skipped=course.skipped,
        last_attempt=course.last_attempt,
        last_success=course.last_success,
        last_status=course.last_status,
        last_error=course.last_error,
        at=now,
    )


def tell(fold: DeliveryFold, draft: StateDraft) -> int | None:
    """Write the health of a subscription that is set up, where it is time. Return when it will be, None where nothing changed."""
    course, rule = draft.course, draft.now.rule
    if rule is None or not course.untold:
        return None
    next_at = course.told_at + fold.limits.health_ms
    if fold.now < next_at and not _matters(rule, draft):
        return next_at
    draft.set(told_at=fold.now, untold=False)
    fold.out.append(Output(HEALTH, draft.id.encode(), msgspec.json.encode(health_of(rule, draft.now, fold.now))))
    return None


def clear_health(fold: DeliveryFold, draft: StateDraft) -> None:
    """Say that there is no such subscription any more."""
    fold.out.append(Output(HEALTH, draft.id.encode(), None))


def _matters(rule: Rule, draft: StateDraft) -> bool:
    """Return whether it changed for better or worse in this round."""
    base, course = draft.base, draft.course
    if base is None or base.rule is None or base.rule.gone:
        return True
    was = (health_state(base.rule, base), base.course.disabled, base.course.breaker.state, base.course.last_ok, base.course.cursor is None)
    return was != (health_state(rule, draft.now), course.disabled, course.breaker.state, course.last_ok, course.cursor is None)
