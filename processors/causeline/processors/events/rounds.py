"""One round in the making: what a batch of ingest records does to the state of a partition, over what is committed.

Nothing here changes the committed state: tables, timers and dedup keys are seen through overlays, which `logic.ProcessorLogic.apply`
takes over once the transaction is committed. A record is decided as a whole before anything of it is kept, so one that is set aside
leaves no trace but its dead letter; but for the event of one that would open a problem too many, which is kept.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from causeline.processors.events import followers, patches, problems, state
from causeline.processors.events.committed import CommittedEvents
from causeline.processors.events.dedup import DedupView
from causeline.processors.events.incidents import IncidentMemory, SignalOutcome
from causeline.processors.events.report import EventCounts
from causeline.processors.events.set_aside import SetAside, dead_letter, fitting, frame_event
from causeline.processors.events.settings import ProcessorSettings
from causeline.processors.events.state import EarlyCloses, ProblemState, RecentEvent, V
from causeline.processors.events.state_tables import Overlay
from causeline.processors.events.subscription_lane import Place, RuleLane, by_partition
from causeline.processors.events.subscription_rules import RoundRules, rule_state, subscription_key
from causeline.processors.runtime.ports import Input, Output
from causeline.processors.runtime.timers import TimerView
from causeline.schemas.records.delivery_work import Configured, Notification, What, encode_delivery_work, notification, notification_tail
from causeline.schemas.records.ingest import DeadLetterReason, IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES, EVENTS, INGEST, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.wire import codec
from causeline.schemas.wire.glance import glance, of_event, version_of
from causeline.schemas.wire.partitioning import partition_of

LEAP_MS: Final = 60_000
"""What time goes on at once only where the processors were away, or a clock was set: else a partition has a tick each second."""
MAX_EARLY_IDS: Final = 10_000
"""Correlation ids of one tenant in a partition whose early closes are remembered, some 5 MB. Beyond it such a close is only an event."""
_new_tuple: Final = tuple.__new__
"""Makes an Output in half the time that its own constructor takes; there may be many for one event."""


class EventFold:
    """The overlay and the outputs of one round."""

    def __init__(self, committed: CommittedEvents, settings: ProcessorSettings) -> None:
        self.now = committed.now
        self.out: list[Output] = []
        self.counts = EventCounts()
        self.events: Overlay[RecentEvent] = Overlay(committed.events)
        self.problems: Overlay[ProblemState] = Overlay(committed.problems)
        self.closes: Overlay[EarlyCloses] = Overlay(committed.closes)
        self.rules = RoundRules(committed.rules)
        self.timers = TimerView(committed.timers)
        self.dedup = DedupView(committed.dedup, self.timers.schedule)
        self._committed = committed
        self._settings = settings
        self._open_more: Counter[bytes] = Counter()
        self._early_more: Counter[bytes] = Counter()
        self._share = -(-settings.max_open_problems // committed.rules.index.partitions)

    def advance(self, now: int) -> None:
        """Let task time reach `now`: what is due by then happens, in the order of its instants."""
        is_leap = now - self.now > LEAP_MS
        self.now = now
        while self.timers.due is not None and self.timers.due <= now:
            at, key = self.timers.pop()
            kind = key[:1]
            if kind == state.DEDUP:
                self.dedup.expire(key)
            elif kind == state.EVENT_TAG:
                self._forget_event(at, key, is_leap=is_leap)
            elif kind == state.CLOSES:
                self._forget(self.closes, at, key)
            elif kind == state.SUBSCRIPTION:
                self._forget(self.rules, at, key)
            else:
                self._wake_problem(at, key, state.PROBLEM_TAG + key[1:])

    def set_aside(self, source: Input, reason: DeadLetterReason, detail: str, record: IngestRecord | None = None) -> None:
        """Write a dead letter with the original bytes of a record."""
        letter = dead_letter(source, reason, detail, record, self.now)
        self.out.append(Output(DEAD_LETTERS, source.key, codec.encode_record(letter)))
        self.counts.dead_letters[reason] += 1
        self.counts.letters.append(letter)

    def change(self, outcome: patches.Changed) -> None:
        """Keep a new version of an event. Raises SetAside where it is too large, keeping nothing."""
        event = outcome.event
        frame = frame_event(event)
        key = event.id.encode()
        if outcome.tombstone is not None:
            self.out.append(Output(EVENTS, key, frame_event(outcome.tombstone)))
        self.out.append(Output(EVENTS, key, frame))
        self.tell_event(event.tenant, event.id, frame, event.updated_ts)
        recent = RecentEvent(event.version, event.ts, event.is_deleted, frame, self.now + self._settings.recent_ms)
        self._put_event(state.event_key(event.id), recent)

    def recall(self, tenant: str, correlation_id: str) -> IncidentMemory:
        """Return what is remembered of a correlation id."""
        problem = self.problems.get(state.problem_key(tenant, correlation_id))
        return IncidentMemory(problem, self.closes.get(state.closes_key(tenant, correlation_id)))

    def follow(self, tenant: str, correlation_id: str, outcome: SignalOutcome, received: int) -> None:
        """Keep what a signal made of a problem, and publish it. Raises SetAside where it opens one too many, keeping nothing."""
        if outcome.opens:
            self.admit(tenant)
        for step in outcome.steps:
            self.keep(state.problem_key(tenant, correlation_id), step, received)
        key = state.closes_key(tenant, correlation_id)
        if outcome.early != self.closes.get(key):
            self._put_closes(key, outcome.early)

    def admit(self, tenant: str) -> None:
        """Raise SetAside where a tenant has all the open problems that it may have."""
        own = tenant.encode()
        if self._settings.max_open_problems and self._committed.problems.open_of[own] + self._open_more[own] >= self._share:
            most = self._settings.max_open_problems
            raise SetAside("too_many_open", f"the tenant may have {most} open problems, {self._share} of them in a partition, and has them")

    def keep(self, key: bytes, step: problems.Step, received: int | None = None) -> None:
        """Keep what a move made of a problem, and publish it. `received`: arrival of its cause (ms UTC), None where time alone moved it."""
        problem, after = step.problem, step.state
        newest = problem or (after.problem if after is not None else None)
        following = () if newest is None else self._following(self.problems.get(key), newest)
        if problem is not None:
            received = problem.at if received is None else received
            if step.event is not None:
                self.out.append(Output(EVENTS, problem.event_id.encode(), step.event))
                self.tell_event(problem.tenant, problem.event_id, step.event, received)
            self._publish(problem, received, following)
        if step.forgotten_id:
            self.out.append(Output(PROBLEMS_CURRENT, step.forgotten_id.encode(), None))
        self.counts.coalesced += step.coalesced
        if newest is not None and after is not None and after.problem.id == newest.id and after.following != following:
            after = msgspec.structs.replace(after, following=following)
        self._put_problem(key, after)

    def tell_event(self, tenant: str, event_id: str, frame: bytes, received: int) -> None:
        """Notify the subscriptions that ask for an event, which is written already. `received` is its arrival (ms UTC)."""
        lane = self.rules.index.events.get(tenant)
        if lane is not None:
            self.tell_followers(lane, event_id, frame, received)

    def tell_followers(self, lane: RuleLane, event_id: str, frame: bytes, received: int) -> None:
        """Do what `tell_event` does for the rules of its tenant."""
        subject = glance(frame)
        places: Sequence[Place] | None = None if subject is None else lane.ready.get(subject.groups())
        if places is None:
            try:
                places = lane.places(of_event(frame))
            except codec.CodecError:
                return  # It is passed on as it came, and whoever reads the topic sets it aside.
        if places:
            version = codec.head_of(frame).version if subject is None else version_of(subject)
            self._notify("event", event_id, version, frame, received, places)

    def configure(self, rule: Rule) -> Literal["new", "same", "older"]:
        """Take over a subscription's rule; return what its revision is beside the known one. Only a new one changes anything."""
        key = subscription_key(rule.id)
        current = self.rules.get(key)
        if current is not None and rule.revision < current.rule.revision:
            return "older"
        if current is not None and rule.revision == current.rule.revision:
            return "same"
        self.rules.put(key, rule_state(rule, self.now))
        for at, timer_key in state.sooner(key, current, self.rules.get(key)):
            self.timers.schedule(at, timer_key)
        return "new"

    def forward(self, partition: int, rule: Rule) -> None:
        """Tell the delivery state of a rule."""
        self.out.append(Output(DELIVERIES, rule.id.encode(), encode_delivery_work(Configured(rule=rule, at=self.now)), partition))

    def pass_on(self, record: IngestRecord) -> None:
        """Write what another partition is to decide on to the ingest log, where its own key says."""
        key = record.key
        self.out.append(Output(INGEST, key, codec.encode_record(record), partition_of(key, self.rules.index.partitions)))

    def repeat(self, message: Notification) -> None:
        """Notify the subscriptions that a notification names. Raises SetAside where it is too large, keeping nothing."""
        fitting(message.record)
        for partition, ids in by_partition(message.subscriptions, self.rules.index.partitions):
            value = encode_delivery_work(msgspec.structs.replace(message, subscriptions=ids, at=self.now))
            self.out.append(Output(DELIVERIES, ids[0].encode(), value, partition))

    def changes(self) -> dict[bytes, bytes | None]:
        """Return the changelog records of the round, one a state key."""
        changes = self.dedup.changes()
        if self.now != self._committed.now:
            changes[state.TIME_KEY] = state.encode_event_state(self.now)
        for key, event in self.events.changes.items():
            changes[key] = None if event is None else state.encode_event_state(event)
        for key, problem in self.problems.changes.items():
            changes[key] = None if problem is None else state.encode_event_state(problem)
        for key, early in self.closes.changes.items():
            changes[key] = None if early is None else state.encode_event_state(early)
        for key, rule in self.rules.changes.items():
            changes[key] = None if rule is None else state.encode_event_state(rule)
        return changes

    def _notify(self, what: What, entity: str, version: int, record: bytes, received: int, places: Sequence[Place]) -> None:
        out, ending, counts = self.out, notification_tail(received, self.now), self.counts.matched
        for partition, key, beginning, ids in places:
            value = notification(beginning, entity, version, record, ending)
            out.append(_new_tuple(Output, (DELIVERIES, key, value, partition)))
            counts[what] += len(ids)

    def _following(self, current: ProblemState | None, problem: Problem) -> tuple[str, ...]:
        if current is None or current.problem.id != problem.id:
            return ()
        lane = self.rules.index.problems.get(problem.tenant)
        return current.following if lane is None else followers.rules_following(lane, current.problem, problem, current.following)

    def _publish(self, problem: Problem, received: int, following: tuple[str, ...]) -> None:
        key = problem.id.encode()
        frame = codec.encode_record(problem)
        self.out.append(Output(PROBLEMS, key, frame))
        if not problem.is_deleted:
            self.out.append(Output(PROBLEMS_CURRENT, key, frame))
        lane = self.rules.index.problems.get(problem.tenant)
        if lane is not None:
            places = followers.follower_places(lane, self.rules.index.partitions, problem, following)
            self._notify("problem", problem.id, problem.version, frame, received, places)
        self.counts.transitions[problem.transition] += 1
        if problem.transition != "refreshed":
            self.counts.moves.append(problem)

    def _put_event(self, key: bytes, event: RecentEvent) -> None:
        for at, timer_key in state.sooner(key, self.events.get(key), event):
            self.timers.schedule(at, timer_key)
        self.events.put(key, event)

    def _put_problem(self, key: bytes, problem: ProblemState | None) -> None:
        current = self.problems.get(key)
        if problem is current:
            return
        for at, timer_key in state.sooner(key, current, problem):
            self.timers.schedule(at, timer_key)
        was, now = current is not None and current.is_open, problem is not None and problem.is_open
        if was != now:
            self._open_more[state.tenant_of_key(key)] += now - was
        self.problems.put(key, problem)

    def _put_closes(self, key: bytes, early: EarlyCloses | None) -> None:
        current, tenant = self.closes.get(key), state.tenant_of_key(key)
        if current is None and early is not None and self._committed.closes.of[tenant] + self._early_more[tenant] >= MAX_EARLY_IDS:
            self.counts.closes_lost += 1
            return
        for at, timer_key in state.sooner(key, current, early):
            self.timers.schedule(at, timer_key)
        self._early_more[tenant] += (early is not None) - (current is not None)
        self.closes.put(key, early)

    def _forget(self, table: Overlay[V], at: int, key: bytes) -> None:
        """Forget what is due under a key; look again later where it is not due yet, and never where it is not to be forgotten any more."""
        due = state.alarm(key, table.get(key))
        if due is not None and due > at:
            self.timers.schedule(due, key)
        elif due is not None:
            table.put(key, None)
            if key[:1] == state.CLOSES:
                self._early_more[state.tenant_of_key(key)] -= 1

    def _forget_event(self, at: int, key: bytes, *, is_leap: bool) -> None:
        """Forget an event that changed, and its version later. A leap of time forgets none: who missed it may come right behind."""
        current = self.events.get(key)
        if current is not None and current.event and current.forget_at <= at:
            later = self.now + self._settings.recent_ms
            of_version = current.forget_at + self._settings.version_ms
            forgotten = {"event": b"", "forget_at": of_version, "service": of_event(current.event).columns().service}
            self.events.put(key, msgspec.structs.replace(current, **({"forget_at": later} if is_leap else forgotten)))
        self._forget(self.events, at, key)

    def _wake_problem(self, at: int, timer_key: bytes, key: bytes) -> None:
        problem = self.problems.get(key)
        due = state.alarm(timer_key, problem)
        if problem is None or due is None:
            return
        if due <= at:
            self.keep(key, self._happen(problem, timer_key))
            due = state.alarm(timer_key, self.problems.get(key))
        if due is not None:
            self.timers.schedule(due, timer_key)

    def _happen(self, problem: ProblemState, timer_key: bytes) -> problems.Step:
        if timer_key[:1] == state.REFRESH:
            return problems.publish_problem(problem)
        return problems.expire(problem, self._settings.life) if problem.is_open else problems.forget(problem)
