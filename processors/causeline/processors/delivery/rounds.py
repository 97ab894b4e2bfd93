"""One round of the delivery state in the making: drafts of the subscriptions that it touches, the outputs, and what is counted.

Nothing here changes the committed state: `logic.DeliveryLogic.replay` takes the drafts over once the transaction is committed.
"""

from collections import Counter
from typing import Any, Final

import msgspec

from causeline.processors.delivery import sharing, state
from causeline.processors.delivery.draft import StateDraft, Totals
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.plans import Plan
from causeline.processors.delivery.sharing import Turns
from causeline.processors.delivery.state import DeliveryState, Waiting
from causeline.processors.runtime.ports import Input, Output
from causeline.processors.runtime.timers import Timers
from causeline.processors.runtime.timers import TimerView as WaitingTimers
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import AttemptOutcome, DeliveryOutcome, DeliveryWork, Notification
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES, DELIVERIES_DUE, DELIVERIES_LOG
from causeline.schemas.wire import codec

_MAX_DETAIL: Final = 500


class CommittedDeliveries:
    """The state of one partition as of the last commit. `now` is task time: the greatest time seen (ms UTC).

    `bound` is how many attempts may be under way, `turns` who waits for one to end. Neither is in the changelog, as the timers are not:
    who has something due is found when all is looked at after a restore, and the bound is learned anew within seconds.
    """

    def __init__(self, limits: DeliveryLimits) -> None:
        self.now = 0
        self.bound = limits.under_way
        self.turns = Turns()
        self.subscriptions: dict[str, DeliveryState] = {}
        self.totals = Totals()
        self.timers = Timers()


class DeliveryCounts:
    """What a round did, for the metrics and the log. `seconds`: from the receipt of what was delivered until it was."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.letters: Counter[DeadLetterReason] = Counter()
        self.lines: list[tuple[str, dict[str, Any]]] = []


class DeliveryFold:
    """The drafts and the outputs of one round. `partitions` is how many each topic has."""

    def __init__(self, committed: CommittedDeliveries, limits: DeliveryLimits, partition: int, partitions: int) -> None:
        self.now = committed.now
        self.bound = committed.bound
        self.turns: Final = committed.turns.copy()
        self.limits: Final = limits
        self.partition: Final = partition
        self.partitions: Final = partitions
        self.out: Final[list[Output]] = []
        self.counts: Final = DeliveryCounts()
        self.totals: Final = committed.totals.copy()
        self.timers: Final = WaitingTimers(committed.timers)
        self.drafts: Final[dict[str, StateDraft]] = {}
        self.plans: Final[dict[str, Plan]] = {}
        self._committed: Final = committed

    def draft(self, subscription: str) -> StateDraft:
        """Return the copy of a subscription that this round works on; it is settled before the round ends."""
        draft = self.drafts.get(subscription)
        if draft is None:
            base = self._committed.subscriptions.get(subscription)
            draft = self.drafts[subscription] = StateDraft(subscription, base, self.totals, self.limits.weight)
        draft.is_settled = False
        return draft

    def advance(self, now: int) -> None:
        """Let task time reach `now`: subscriptions whose timers ring are looked at before the round ends."""
        self.now = max(self.now, now)
        while self.timers.due is not None and self.timers.due <= self.now:
            _, key = self.timers.pop()
            subscription = key.decode()
            if subscription in self.drafts or subscription in self._committed.subscriptions:
                self.draft(subscription).now.alarm = None

    def take_report(self, waiting: Waiting, report: AttemptOutcome) -> None:
        """Take in that the newest attempt of a notification came back: the partition's bound follows how long that took."""
        if report.result == "unsent":
            self.take_loss()
        else:
            wait_ms = sharing.waited_ms(waiting.lease_until, report.took_ms, self.now, self.limits)
            self.bound = sharing.after_report(self.bound, self.totals.under_way, wait_ms, self.limits)

    def take_loss(self) -> None:
        """Take in that an attempt was not reported in time, or not sent."""
        self.bound = sharing.after_loss(self.bound, self.totals.under_way, self.limits)

    def changes(self) -> dict[bytes, bytes | None]:
        """Return what the changelog gets."""
        changes: dict[bytes, bytes | None] = {}
        for draft in self.drafts.values():
            changes.update(draft.changes())
        if self.now != self._committed.now:
            changes[state.TIME_KEY] = state.encode_delivery_state(self.now)
        return changes

    def hand_out(self, work: DeliveryWork, subscription: str) -> None:
        """Give work to the workers: to the partition of the subscription, which is this one."""
        self.out.append(Output(DELIVERIES_DUE, subscription.encode(), delivery_work.encode_delivery_work(work)))

    def record(
        self, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, outcome: DeliveryOutcome, next_attempt: int | None = None
    ) -> None:
        """Write an attempt to the delivery log. `report` is how it ended."""
        rule = draft.now.rule
        delivery = Delivery(
            tenant=rule.tenant if rule else "",
            subscription_id=draft.id,
            id=waiting.delivery_id(draft.id),
            attempt=report.attempt,
            what=waiting.what,
            entity=waiting.entity,
            version=waiting.version,
            outcome=outcome,
            status_code=report.status,
            detail=report.detail,
            took_ms=report.took_ms,
            received=waiting.received,
            at=report.at,
            next_attempt=next_attempt,
            record=waiting.record if outcome == "dead" else b"",
        )
        self.out.append(Output(DELIVERIES_LOG, delivery.id.encode(), codec.encode_record(delivery)))
        self.counts.outcomes[outcome] += 1

    def give_up(self, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, source: Input) -> None:
        """Write a dead letter with the notification, for its subscription alone. It lies where its last attempt was reported."""
        again = Notification(
            subscriptions=(draft.id,),
            what=waiting.what,
            entity=waiting.entity,
            version=waiting.version,
            record=waiting.record,
            received=waiting.received,
            at=self.now,
            delivery_id=waiting.delivery_id(draft.id),
        )
        detail = f"subscription {draft.id}: {waiting.attempts} attempts, the last one: {report.status or 'no answer'} {report.detail}"
        rule = draft.now.rule
        place = msgspec.structs.replace(
            self._letter("delivery_failed", detail, source),
            tenant=rule.tenant if rule else "",
            id=waiting.entity,
            key=draft.id.encode(),
            value=delivery_work.encode_delivery_work(again),
        )
        self._set_aside(place)

    def refuse(self, source: Input, detail: str, reason: DeadLetterReason = "undecodable") -> None:
        """Write a dead letter for an input that cannot be read, or used."""
        self._set_aside(self._letter(reason, detail, source))

    def _letter(self, reason: DeadLetterReason, detail: str, source: Input) -> DeadLetter:
        return DeadLetter(
            reason=reason,
            detail=detail[:_MAX_DETAIL],
            at=self.now,
            topic=DELIVERIES,
            partition=source.partition,
            offset=source.offset,
            key=source.key,
            value=source.value,
        )

    def _set_aside(self, letter: DeadLetter) -> None:
        self.out.append(Output(DEAD_LETTERS, letter.key, codec.encode_record(letter)))
        self.counts.letters[letter.reason] += 1

    def say(self, line: str, draft: StateDraft, **fields: Any) -> None:
        """Log a line about a subscription once the round is committed."""
        rule = draft.now.rule
        self.counts.lines.append((line, {"subscription": draft.id, "tenant": rule.tenant if rule else "", **fields}))
