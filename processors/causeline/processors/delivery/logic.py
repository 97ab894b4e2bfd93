"""The delivery state: from notifications, set-ups and reports to attempts, the delivery log, and the health of subscriptions.

Pure: no I/O, no clock, no await. `fold` decides a round on copies of the subscriptions that it touches and leaves the state as it is;
`replay` takes the copies over. Time is task time, the greatest time that the partition has seen, as for the processors of events.

What is due is found once a round for each subscription that the round touched, and when its timer rings: idle subscriptions cost nothing.
It is handed out turn by turn, as far as the partition's bound on attempts under way allows (`sharing`).
Nothing depends on what a worker remembers: what is not reported in time is handed out again, what is reported twice is taken once.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from causeline.processors.delivery import dispatch, health, intake, outcomes, setup, state
from causeline.processors.delivery.draft import StateDraft, weight_of
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.rounds import CommittedDeliveries, DeliveryCounts, DeliveryFold
from causeline.processors.delivery.state import DeliveryState, Waiting
from causeline.processors.runtime.ports import Input, Round
from causeline.processors.runtime.timers import MAX_TIME
from causeline.schemas import telemetry
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import AttemptOutcome, Backfilled, Configured, DeliveryMessage, Notification, Refilled, Tick

_MAX_TOLD: Final = 20
"""Lines a round, as for the processors of events."""
_DEFAULTS: Final = DeliveryLimits()

_log: Final = structlog.get_logger(__name__)


class DeliveryLogic:
    """The deliveries of one partition. `partitions` is how many every topic has."""

    def __init__(self, partition: int, partitions: int, limits: DeliveryLimits = _DEFAULTS) -> None:
        self._partition = partition
        self._partitions = partitions
        self._limits = limits
        self._committed = CommittedDeliveries(limits)
        self._restored_ids: set[str] = set()

    @property
    def now(self) -> int:
        """Task time as of the last commit (ms UTC), 0 before the first."""
        return self._committed.now

    def subscriptions(self) -> list[tuple[str, DeliveryState]]:
        """Return what is committed, by subscription: for the metrics, and not to be changed. Safe to call from another thread."""
        return list(self._committed.subscriptions.items())

    def tick(self, now_ms: int) -> bytes:
        """Return the value of a tick that carries this time (ms UTC)."""
        return delivery_work.encode_delivery_work(Tick(at=now_ms))

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record. Raises ValueError where no state has such a key."""
        if key == state.TIME_KEY:
            self._committed.now = state.times.decode(value) if value else 0
            return
        kind, subscription, rest = state.parse_state_key(key)
        entry = self._committed.subscriptions.setdefault(subscription, DeliveryState())
        self._restored_ids.add(subscription)
        if kind == state.RULE:
            entry.rule = state.rules.decode(value) if value else None
        elif kind == state.COURSE:
            entry.course = state.courses.decode(value) if value else state.FRESH
        elif kind == state.WAITING and value:
            entry.waiting[int.from_bytes(rest)] = state.notifications.decode(value)
        elif kind == state.WAITING:
            entry.waiting.pop(int.from_bytes(rest), None)
        elif value:
            entry.threads[rest.decode()] = state.threads.decode(value)
        else:
            entry.threads.pop(rest.decode(), None)

    def fold(self, inputs: Sequence[Input]) -> Round:
        """Decide on inputs, in offset order, over the present state, which stays as it is."""
        self._finish_restore()
        fold = DeliveryFold(self._committed, self._limits, self._partition, self._partitions)
        for source in inputs:
            try:
                message = delivery_work.decode_message(source.value)
            except msgspec.DecodeError as error:
                fold.refuse(source, str(error))
                continue
            if message.at > MAX_TIME:
                fold.refuse(source, f"{message.at} is no time")
                continue
            fold.advance(message.at)
            self._decide(fold, message, source)
        for draft in fold.drafts.values():
            _settle(fold, draft)
        _serve(fold)
        for draft in fold.drafts.values():
            _set_timer(fold, draft)
        return Round(fold.out, fold.changes(), fold)

    def set_aside(self, source: Input, detail: str) -> Round:
        """Return a round that writes an input, on which `fold` raised, as a dead letter and changes nothing."""
        fold = DeliveryFold(self._committed, self._limits, self._partition, self._partitions)
        fold.refuse(source, detail, "processing_failed")
        return Round(fold.out, {}, fold)

    def apply(self, round: Round) -> None:  # noqa: A002 - a round is what the field calls it
        """Take over the changes of a round that is committed, and count what it did."""
        self.replay(round)
        self._count(round.report.counts)

    def replay(self, round: Round) -> None:  # noqa: A002
        """Take over the changes of a round that was committed before, and count nothing."""
        fold: DeliveryFold = round.report
        committed = self._committed
        committed.now = fold.now
        committed.totals = fold.totals
        committed.bound, committed.turns = fold.bound, fold.turns
        committed.timers.adopt(fold.timers)
        for draft in fold.drafts.values():
            if draft.is_removed or draft.now == _NOTHING:
                committed.subscriptions.pop(draft.id, None)
            else:
                committed.subscriptions[draft.id] = draft.now

    def _decide(self, fold: DeliveryFold, message: DeliveryMessage, source: Input) -> None:
        if isinstance(message, Notification):
            waiting = intake.waiting_of(message)
            for subscription in message.subscriptions:
                intake.receive(fold, fold.draft(subscription), waiting, source.offset)
        elif isinstance(message, AttemptOutcome):
            self._report(fold, message, source)
        elif isinstance(message, Configured):
            setup.adopt_rule(fold, fold.draft(message.rule.id), message.rule, source.offset)
        elif isinstance(message, Refilled):
            intake.take_refill(fold, fold.draft(message.subscription), message)
        elif isinstance(message, Backfilled):
            intake.take_backfill(fold, fold.draft(message.subscription), message)

    def _report(self, fold: DeliveryFold, report: AttemptOutcome, source: Input) -> None:
        earlier_draft = fold.drafts.get(report.subscription)
        if earlier_draft is not None and outcomes.find_waiting(earlier_draft, report) is None:
            # A state that is made anew folds more at once than was folded before: what this reports may not be handed out yet.
            _settle(fold, earlier_draft)
            _serve(fold)
        draft = earlier_draft or fold.draft(report.subscription)
        waiting = outcomes.find_waiting(draft, report)
        if waiting is not None:
            draft.is_settled = False
            outcomes.settle(fold, draft, waiting, report, source)

    def _finish_restore(self) -> None:
        """Bring what was restored into its order, weigh it, and look at each subscription once."""
        committed = self._committed
        for subscription in self._restored_ids:
            entry = committed.subscriptions[subscription]
            if entry == _NOTHING:
                del committed.subscriptions[subscription]
                continue
            entry.waiting = {seq: _with_correlation(waiting) for seq, waiting in sorted(entry.waiting.items())}
            entry.weight = sum(weight_of(waiting, self._limits.weight) for waiting in entry.waiting.values())
            entry.alarm = 0
            committed.timers.schedule(0, subscription.encode())
            committed.totals.weight += entry.weight
            committed.totals.waiting += len(entry.waiting)
            committed.totals.reading += bool(entry.course.reading_until)
            committed.totals.under_way += sum(waiting.awaited for waiting in entry.waiting.values())
        self._restored_ids.clear()

    def _count(self, counts: DeliveryCounts) -> None:
        for outcome, number in counts.outcomes.items():
            telemetry.DELIVERY_OUTCOMES.labels(outcome).inc(number)
        for seconds in counts.seconds:
            telemetry.DELIVERY_SECONDS.observe(seconds)
        for reason, letters in counts.letters.items():
            telemetry.DEAD_LETTERS_SET_ASIDE.labels(reason).inc(letters)
        for line, fields in counts.lines[:_MAX_TOLD]:
            _log.info(line, partition=self._partition, **fields)
        if len(counts.lines) > _MAX_TOLD:
            _log.warning("more_of_the_same", partition=self._partition, records=len(counts.lines) - _MAX_TOLD)
        committed = self._committed
        telemetry.STATE_KEYS.labels(self._partition, "subscription").set(len(committed.subscriptions))
        telemetry.STATE_KEYS.labels(self._partition, "notification").set(committed.totals.waiting)


_NOTHING: Final = DeliveryState()


def _with_correlation(waiting: Waiting) -> Waiting:
    """Return a notification as it waits now; problems had no correlation id in changelogs before 2026-11-28."""
    if waiting.what != "problem" or waiting.correlation_id:
        return waiting
    return msgspec.structs.replace(waiting, correlation_id=intake.correlation_of(waiting.what, waiting.record))


def _settle(fold: DeliveryFold, draft: StateDraft) -> None:
    """Bring a subscription to rest: forget it, or find out what is due, for which it queues up."""
    if draft.is_settled:
        return
    draft.is_settled = True
    fold.plans.pop(draft.id, None)
    rule, course = draft.now.rule, draft.course
    if course.forget_at and course.forget_at <= fold.now:
        setup.forget_subscription(fold, draft)
    elif rule is not None and not rule.gone:
        plan = fold.plans[draft.id] = dispatch.make_plan(fold, draft, rule)
        if plan.due:
            fold.turns.put(rule.tenant, draft.id)
            return
    fold.turns.drop(draft.id)


def _serve(fold: DeliveryFold) -> None:
    """Hand out what is due, one attempt at each turn, while the partition has room for more."""
    while fold.totals.under_way < fold.bound and (subscription := fold.turns.next()) is not None:
        draft = fold.drafts.get(subscription)
        if draft is None or not draft.is_settled:
            draft = fold.draft(subscription)
            _settle(fold, draft)
        plan = fold.plans.get(subscription)
        if plan is not None and plan.due:
            dispatch.hand_out_next(fold, draft, plan)
        if plan is None or not plan.due:
            fold.turns.drop(subscription)


def _set_timer(fold: DeliveryFold, draft: StateDraft) -> None:
    """Tell a subscription's health, and see to it that it is looked at again in time."""
    plan = fold.plans.get(draft.id)
    alarm: int | None = None
    if plan is not None:
        told_at = health.tell(fold, draft)
        alarm = min(plan.alarms if told_at is None else (*plan.alarms, told_at), default=None)
    elif not draft.is_removed:
        alarm = draft.course.forget_at or None
    if alarm is not None and (draft.now.alarm is None or alarm < draft.now.alarm):
        fold.timers.schedule(alarm, draft.id.encode())
        draft.now.alarm = alarm
