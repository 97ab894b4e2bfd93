"""One round in the making: what a batch of ingest records does to the state of a partition, over what is committed.

Nothing here changes the committed state: tables, timers and dedup keys are seen through overlays, which `logic.ProcessorLogic.apply`
takes over once the transaction is committed. A record is decided as a whole before anything of it is kept, so one that is set aside
leaves no trace but its dead letter; but for the event of one that would open a problem too many, which is kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from causeline.processors.events import followers, patches, problems, state
from causeline.processors.events.dedup import ContentWindow, Dedup, DedupView
from causeline.processors.events.incidents import IncidentMemory, SignalOutcome
from causeline.processors.events.state import EarlyCloses, ProblemState, RecentEvent, V
from causeline.processors.events.state_tables import ClosesTable, EventTable, Overlay, ProblemTable
from causeline.processors.events.subscription_lane import Place, RuleLane, by_partition
from causeline.processors.events.subscription_rules import RoundRules, RuleTable, rule_state, subscription_key
from causeline.processors.runtime.ports import Input, Output
from causeline.processors.runtime.timers import Timers, TimerView
from causeline.schemas.records.delivery_work import Configured, Notification, What, encode_delivery_work, notification, notification_tail
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason, IngestRecord
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES, EVENTS, INGEST, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.wire import codec
from causeline.schemas.wire.glance import glance, of_event, version_of
from causeline.schemas.wire.partitioning import partition_of

MAX_OUTPUT_BYTES: Final = (8 << 20) - (64 << 10)
"""What `causeline.events` takes (8 MiB), less room for the batch's frame and for the fields that a later version adds."""

LEAP_MS: Final = 60_000
"""What time goes on at once only where the processors were away, or a clock was set: else a partition has a tick each second."""
MAX_EARLY_IDS: Final = 10_000
"""Correlation ids of one tenant in a partition whose early closes are remembered, some 5 MB. Beyond it such a close is only an event."""
_MAX_DETAIL: Final = 500
_new_tuple: Final = tuple.__new__
"""Makes an Output in half the time that its own constructor takes; there may be many for one event."""
_SCHEDULED_AT_ONCE: Final = 10_000
"""Restored problems whose timers are scheduled at once: about 10 ms in which the event loop answers nobody."""


class SetAside(Exception):
    """A record that cannot be processed, with its reason."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: DeadLetterReason = reason
        self.detail = detail


class ProcessorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may choose, in ms of task time.

    `dedup_window_ms`: how long idempotency keys are known. `recent_ms`: how long changed events are known, `version_ms` how long their
    versions are: far longer than what a writer may have missed (`query_api.reading.reader.BASE_S`), also where the clock of a server is an
    hour ahead and then true again. `content_windows`: dedup by content, by dialect; none by default.
    """

    dedup_window_ms: int = 3_600_000
    recent_ms: int = 600_000
    version_ms: int = 7_200_000
    life: problems.ProblemPolicy = problems.ProblemPolicy()
    content_windows: Mapping[str, ContentWindow] = {}
    max_open_problems: int = 10_000


class CommittedEvents:
    """The state of one partition as of the last commit. `now` is task time: the greatest ingest time or tick seen (ms UTC)."""

    def __init__(self, dedup_window_ms: int, partitions: int) -> None:
        self.now = 0
        self.dedup = Dedup(dedup_window_ms)
        self.events = EventTable()
        self.problems = ProblemTable()
        self.closes = ClosesTable()
        self.rules = RuleTable(partitions)
        self.timers = Timers()
        self._unscheduled: dict[bytes, None] = {}

    def load_problem(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record of a problem. Its timers wait a while, since later records may replace this one."""
        self.problems.load(key, value)
        self._unscheduled[key] = None
        if len(self._unscheduled) >= _SCHEDULED_AT_ONCE:
            self.schedule_restored()

    def schedule_restored(self) -> None:
        """Schedule what was restored since the last call."""
        for at, key in self.problems.alarms(self._unscheduled):
            self.timers.schedule(at, key)
        self._unscheduled.clear()


class EventCounts:
    """What a round did, for the metrics and the log: told once a round, not once a record. Refreshes are counted, not named."""

    def __init__(self) -> None:
        self.ops: Counter[str] = Counter()
        self.deduplicated = 0
        self.coalesced = 0
        self.closes_lost = 0
        self.dead_letters: Counter[DeadLetterReason] = Counter()
        self.transitions: Counter[Transition] = Counter()
        self.matched: dict[What, int] = {"event": 0, "problem": 0}
        self.letters: list[DeadLetter] = []
        self.moves: list[Problem] = []


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
        self.seen = DedupView(committed.dedup, self.timers.schedule)
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
                self.seen.expire(key)
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
        letter = DeadLetter(
            reason=reason,
            detail=detail[:_MAX_DETAIL],
            tenant=record.tenant if record else "",
            id=record.id if record else "",
            at=self.now,
            topic=INGEST,
            partition=source.partition,
            offset=source.offset,
            key=source.key,
            value=source.value,
        )
        self.out.append(Output(DEAD_LETTERS, source.key, codec.encode_record(letter)))
        self.counts.dead_letters[reason] += 1
        self.counts.letters.append(letter)

    def change(self, outcome: patches.Changed) -> None:
        """Keep a new version of an event. Raises SetAside where it is too large, keeping nothing."""
        event = outcome.event
        framed = _frame(event)
        key = event.id.encode()
        if outcome.moved is not None:
            self.out.append(Output(EVENTS, key, _frame(outcome.moved)))
        self.out.append(Output(EVENTS, key, framed))
        self.tell_event(event.tenant, event.id, framed, event.updated_ts)
        recent = RecentEvent(event.version, event.ts, event.is_deleted, framed, self.now + self._settings.recent_ms)
        self._put_event(state.event_key(event.id), recent)

    def known(self, tenant: str, correlation_id: str) -> IncidentMemory:
        """Return what is remembered of a correlation id."""
        problem = self.problems.get(state.problem_key(tenant, correlation_id))
        return IncidentMemory(problem, self.closes.get(state.closes_key(tenant, correlation_id)))

    def follow(self, tenant: str, correlation_id: str, told: SignalOutcome, received: int) -> None:
        """Keep what a signal made of a problem, and publish it. Raises SetAside where it opens one too many, keeping nothing."""
        if told.opens:
            self.admit(tenant)
        for step in told.steps:
            self.keep(state.problem_key(tenant, correlation_id), step, received)
        key = state.closes_key(tenant, correlation_id)
        if told.early != self.closes.get(key):
            self._put_closes(key, told.early)

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
        if step.forgotten:
            self.out.append(Output(PROBLEMS_CURRENT, step.forgotten.encode(), None))
        self.counts.coalesced += step.coalesced
        if newest is not None and after is not None and after.problem.id == newest.id and after.following != following:
            after = msgspec.structs.replace(after, following=following)
        self._put_problem(key, after)

    def tell_event(self, tenant: str, event_id: str, framed: bytes, received: int) -> None:
        """Notify the subscriptions that ask for an event, which is written already. `received` is its arrival (ms UTC)."""
        lane = self.rules.index.events.get(tenant)
        if lane is not None:
            self.tell_followers(lane, event_id, framed, received)

    def tell_followers(self, lane: RuleLane, event_id: str, framed: bytes, received: int) -> None:
        """Do what `tell_event` does for the rules of its tenant."""
        seen = glance(framed)
        places: Sequence[Place] | None = None if seen is None else lane.ready.get(seen.groups())
        if places is None:
            try:
                places = lane.places(of_event(framed))
            except codec.CodecError:
                return  # It is passed on as it came, and whoever reads the topic sets it aside.
        if places:
            version = codec.head_of(framed).version if seen is None else version_of(seen)
            self._notify("event", event_id, version, framed, received, places)

    def configure(self, rule: Rule) -> Literal["new", "same", "older"]:
        """Take over a subscription's rule; return what its revision is beside the known one. Only a new one changes anything."""
        key = subscription_key(rule.id)
        known = self.rules.get(key)
        if known is not None and rule.revision < known.rule.revision:
            return "older"
        if known is not None and rule.revision == known.rule.revision:
            return "same"
        self.rules.put(key, rule_state(rule, self.now))
        for at, timer_key in state.sooner(key, known, self.rules.get(key)):
            self.timers.schedule(at, timer_key)
        return "new"

    def forward(self, partition: int, rule: Rule) -> None:
        """Tell the delivery state of a rule."""
        self.out.append(Output(DELIVERIES, rule.id.encode(), encode_delivery_work(Configured(rule=rule, at=self.now)), partition))

    def pass_on(self, record: IngestRecord) -> None:
        """Write what another partition is to decide on to the ingest log, where its own key says."""
        key = record.key
        self.out.append(Output(INGEST, key, codec.encode_record(record), partition_of(key, self.rules.index.partitions)))

    def repeat(self, given: Notification) -> None:
        """Notify the subscriptions that a notification names. Raises SetAside where it is too large, keeping nothing."""
        fitting(given.record)
        for partition, ids in by_partition(given.subscriptions, self.rules.index.partitions):
            value = encode_delivery_work(msgspec.structs.replace(given, subscriptions=ids, at=self.now))
            self.out.append(Output(DELIVERIES, ids[0].encode(), value, partition))

    def changes(self) -> dict[bytes, bytes | None]:
        """Return the changelog records of the round, one a state key."""
        changes = self.seen.changes()
        if self.now != self._committed.now:
            changes[state.TIME_KEY] = state.encode_event_state(self.now)
        for key, event in self.events.changed.items():
            changes[key] = None if event is None else state.encode_event_state(event)
        for key, problem in self.problems.changed.items():
            changes[key] = None if problem is None else state.encode_event_state(problem)
        for key, early in self.closes.changed.items():
            changes[key] = None if early is None else state.encode_event_state(early)
        for key, rule in self.rules.changed.items():
            changes[key] = None if rule is None else state.encode_event_state(rule)
        return changes

    def _notify(self, what: What, entity: str, version: int, record: bytes, received: int, places: Sequence[Place]) -> None:
        out, ending, counts = self.out, notification_tail(received, self.now), self.counts.matched
        for partition, key, beginning, ids in places:
            value = notification(beginning, entity, version, record, ending)
            out.append(_new_tuple(Output, (DELIVERIES, key, value, partition)))
            counts[what] += len(ids)

    def _following(self, known: ProblemState | None, problem: Problem) -> tuple[str, ...]:
        if known is None or known.problem.id != problem.id:
            return ()
        lane = self.rules.index.problems.get(problem.tenant)
        return known.following if lane is None else followers.rules_following(lane, known.problem, problem, known.following)

    def _publish(self, problem: Problem, received: int, following: tuple[str, ...]) -> None:
        key = problem.id.encode()
        framed = codec.encode_record(problem)
        self.out.append(Output(PROBLEMS, key, framed))
        if not problem.is_deleted:
            self.out.append(Output(PROBLEMS_CURRENT, key, framed))
        lane = self.rules.index.problems.get(problem.tenant)
        if lane is not None:
            places = followers.follower_places(lane, self.rules.index.partitions, problem, following)
            self._notify("problem", problem.id, problem.version, framed, received, places)
        self.counts.transitions[problem.transition] += 1
        if problem.transition != "refreshed":
            self.counts.moves.append(problem)

    def _put_event(self, key: bytes, event: RecentEvent) -> None:
        for at, timer_key in state.sooner(key, self.events.get(key), event):
            self.timers.schedule(at, timer_key)
        self.events.put(key, event)

    def _put_problem(self, key: bytes, problem: ProblemState | None) -> None:
        known = self.problems.get(key)
        if problem is known:
            return
        for at, timer_key in state.sooner(key, known, problem):
            self.timers.schedule(at, timer_key)
        was, now = known is not None and known.is_open, problem is not None and problem.is_open
        if was != now:
            self._open_more[state.tenant_of_key(key)] += now - was
        self.problems.put(key, problem)

    def _put_closes(self, key: bytes, early: EarlyCloses | None) -> None:
        known, tenant = self.closes.get(key), state.tenant_of_key(key)
        if known is None and early is not None and self._committed.closes.of[tenant] + self._early_more[tenant] >= MAX_EARLY_IDS:
            self.counts.closes_lost += 1
            return
        for at, timer_key in state.sooner(key, known, early):
            self.timers.schedule(at, timer_key)
        self._early_more[tenant] += (early is not None) - (known is not None)
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
        known = self.events.get(key)
        if known is not None and known.event and known.forget_at <= at:
            later = self.now + self._settings.recent_ms
            of_version = known.forget_at + self._settings.version_ms
            kept = {"forget_at": later} if is_leap else {"event": b"", "forget_at": of_version}
            self.events.put(key, msgspec.structs.replace(known, **kept))
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


def _frame(event: Event) -> bytes:
    """Return a changed event's bytes. Raises SetAside where a change made it no event, or one that is too large."""
    try:
        framed = codec.encode_record(event)
    except (ValueError, TypeError, OverflowError) as error:
        raise SetAside("patch_failed", f"the changed event cannot be written: {error}") from error
    return fitting(framed)


def fitting(framed: bytes) -> bytes:
    """Return an event's bytes where its topic takes them. Raises SetAside where it does not."""
    if len(framed) > MAX_OUTPUT_BYTES:
        raise SetAside("too_large", f"{len(framed)} bytes, and {MAX_OUTPUT_BYTES} are the most")
    return framed
