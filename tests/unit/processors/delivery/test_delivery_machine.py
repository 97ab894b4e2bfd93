"""A random walk through the life of subscriptions: notifications, reports good, bad, late and double, time, restarts, changes of mind.

Whatever happens: of a subscription and a line (an event, a correlation id) at most one attempt is under way, deliveries end in the order of
arrival, and what arrived is at any moment delivered, dead, held in memory, or in a log behind the cursor. In the end everything is
delivered. Problems of one correlation id have several ids.
"""

from collections import defaultdict
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.logic import DeliveryLogic
from causeline.processors.delivery.state import DeliveryState
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import (
    Attempt,
    Backfill,
    Backfilled,
    Configured,
    DeliveryMessage,
    DeliveryWork,
    Notification,
    Refill,
    Refilled,
    Result,
)
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import DELIVERIES_DUE, DELIVERIES_LOG
from causeline.schemas.wire import codec
from tests.revisions import a_revision
from tests.unit.processors.delivery.delivery_desk import DAY, HOUR, MINUTE, SECOND, T0, Desk, a_problem, a_rule

_SUBSCRIPTIONS = ("s1", "s2")
_EVENTS = ("a", "b")
_PROBLEMS = ("a", "z")
"""Correlation ids; that one of them is also an event's id puts nothing in order."""
_LINES = tuple(("event", event) for event in _EVENTS) + tuple(("problem", correlation) for correlation in _PROBLEMS)
_FOREVER = 10_000 * DAY
_LIMITS = DeliveryLimits(
    attempts=3,
    breaker_failures=2,
    waiting=6,
    waiting_bytes=20_000,
    found_bytes=5_000,
    held_bytes=60_000,
    window_start=2,
    window_most=3,
    under_way=3,
    under_way_least=1,
    under_way_most=4,
    forget_ms=_FOREVER,
)
_RESULTS: tuple[Result, ...] = ("delivered", "failed", "limited", "gone", "unsent")
_TIMES = (0, 100, 6 * SECOND, _LIMITS.lease_ms, 6 * MINUTE, 3 * HOUR, 5 * DAY)


Line = tuple[str, str]
"""What notifications are in order with: (`event`, its id) or (`problem`, its correlation id, which its causes have too)."""


class UnderWay(NamedTuple):
    seq: int
    attempt: int
    until: int


class DeliveryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(_LIMITS)
        self.serial = 0
        self.batch: list[DeliveryMessage] = []
        self.log: list[DeliveryMessage] = []
        self.work: list[DeliveryWork] = []
        self.revisions: dict[str, int] = defaultdict(int)
        self.is_gone: set[str] = set()
        self.arrived: dict[str, list[Notification]] = defaultdict(list)
        self.old: dict[str, list[Notification]] = defaultdict(list)
        self.ended: dict[str, list[int]] = defaultdict(list)
        self.lines: dict[int, Line] = {}
        self.reported: set[tuple[str, int, int]] = set()
        self.under_way: dict[tuple[str, Line], UnderWay] = {}

    # What happens

    @initialize()
    def begin(self) -> None:
        self._put(Configured(rule=self._rule("s1"), at=self.desk.now))
        self.flush()

    @rule(
        names=st.sampled_from([("s1",), ("s2",), _SUBSCRIPTIONS]),
        line=st.sampled_from(_LINES),
        size=st.sampled_from([1, 1_000, 15_000]),
    )
    def notify(self, names: tuple[str, ...], line: Line, size: int) -> None:
        notification = self._notification(line, size, names)
        for name in names:
            if name not in self.is_gone:
                self.arrived[name].append(notification)
        self._put(notification)

    @rule(
        data=st.data(), result=st.sampled_from(_RESULTS), status=st.sampled_from([0, 200, 503]), times=st.integers(1, 2), keep=st.booleans()
    )
    @precondition(lambda self: self._attempts())
    def report(self, data: st.DataObject, result: Result, status: int, times: int, keep: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        attempt = data.draw(st.sampled_from(self._attempts()))
        self._report(attempt, result, status, times)
        if not keep:
            self.work.remove(attempt)

    @rule(data=st.data())
    @precondition(lambda self: self._awaited())
    def a_worker_is_late(self, data: st.DataObject) -> None:
        """An attempt is said to have delivered when it was handed out again, and another one of its line waits."""
        attempt = data.draw(st.sampled_from(self._awaited()))
        self.notify((attempt.subscription,), self.lines[attempt.version], 1)
        self.pass_time(_LIMITS.lease_ms)
        self._report(attempt, "delivered", 200)
        self.flush()

    @rule(data=st.data(), most=st.integers(0, 3), times=st.integers(1, 2))
    @precondition(lambda self: self._readings())
    def read(self, data: st.DataObject, most: int, times: int) -> None:
        reading = data.draw(st.sampled_from(self._readings()))
        self._put(*[self._found(reading, most)] * times)
        self.work.remove(reading)

    @rule(data=st.data())
    @precondition(lambda self: self.work)
    def a_worker_dies(self, data: st.DataObject) -> None:
        self.work.remove(data.draw(st.sampled_from(self.work)))

    @rule(ms=st.sampled_from(_TIMES))
    def pass_time(self, ms: int) -> None:
        self.flush()
        self.desk.now += ms
        self._put(delivery_work.Tick(at=self.desk.now))
        self.flush()

    @rule(name=st.sampled_from(_SUBSCRIPTIONS), is_paused=st.booleans())
    def change(self, name: str, is_paused: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        if self.revisions[name] and name not in self.is_gone:
            self._put(Configured(rule=self._rule(name, state="paused" if is_paused else "active"), at=self.desk.now))

    @rule(name=st.sampled_from(_SUBSCRIPTIONS), olds=st.integers(0, 9), from_start=st.booleans())
    def set_up(self, name: str, olds: int, from_start: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        if self.revisions[name] and name not in self.is_gone:
            return
        self.is_gone.discard(name)
        if from_start:
            self.old[name] = [self._notification(_LINES[i % 4], 1, (name,)) for i in range(olds)]
            self.arrived[name] = self.old[name] + self.arrived[name]
        self._put(Configured(rule=self._rule(name, start_from=T0 if from_start else None), at=self.desk.now))

    @rule(name=st.sampled_from(_SUBSCRIPTIONS))
    def delete(self, name: str) -> None:
        if not self.revisions[name] or name in self.is_gone:
            return
        self.flush()
        self._put(Configured(rule=self._rule(name, gone=True), at=self.desk.now))
        self.is_gone.add(name)
        for by_name in (self.arrived, self.old, self.ended):
            by_name.pop(name, None)
        for pair in [pair for pair in self.under_way if pair[0] == name]:
            del self.under_way[pair]
        self.flush()
        # A reading of the public topics does not say of which revision it is: workers end it when a subscription is gone.
        self.work = [one for one in self.work if not isinstance(one, Backfill) or one.rule.id != name]

    @rule()
    def restart(self) -> None:
        self.flush()
        self.desk.restart()

    @rule()
    def flush(self) -> None:
        """Work on what was put, in one round, and check everything."""
        batch, self.batch = self.batch, []
        before = len(self.desk.out)
        self.work += self.desk.put(*batch)
        for output in self.desk.out[before:]:
            if output.topic == DELIVERIES_LOG and output.value:
                self._check_report(codec.decode_record(output.value, Delivery))
            elif output.topic == DELIVERIES_DUE and output.value:
                work = delivery_work.decode_work(output.value)
                if isinstance(work, Attempt):
                    self._check_attempt(work)
        self._check_nothing_is_lost()
        self._check_bounds()
        self._check_changelog()

    def teardown(self) -> None:
        """Let everything heal: then everything that arrived is delivered or dead, and nobody is behind."""
        self.flush()
        self.set_up("s2", 3, from_start=True)
        self.set_up("s1", 0, from_start=False)
        for name in _SUBSCRIPTIONS:
            self.change(name, is_paused=False)
        self.flush()
        for _ in range(300):
            if not self.work and all(_is_healed(state) for _, state in self.desk.logic.subscriptions()):
                break
            for one in list(self.work):
                if isinstance(one, Attempt):
                    self._report(one, "delivered", 200)
                else:
                    self._put(self._found(one, 3))
            self.work.clear()
            self.pass_time(2 * MINUTE)
        for name, state in self.desk.logic.subscriptions():
            assert _is_healed(state), name
            assert len(self.ended[name]) == len(self.arrived[name])

    # How it happens

    def _put(self, *messages: DeliveryMessage) -> None:
        self.log += messages
        self.batch += messages

    def _rule(self, name: str, **fields: object) -> Rule:
        self.revisions[name] += 1
        return a_rule(self.revisions[name], name, **fields)

    def _notification(self, line: Line, size: int, names: tuple[str, ...]) -> Notification:
        self.serial += 1
        what, name = self.lines[self.serial] = line
        if what == "event":
            return self.desk.notification(name, self.serial, record=b"x" * size, subscriptions=names)
        if self.serial % 2:
            ranking = a_revision(tenant="acme", id=f"problem-{self.serial % 3}", correlation_id=name, text="x" * size)
            return self.desk.notification(ranking.id, self.serial, what="causes", record=codec.encode_record(ranking), subscriptions=names)
        problem = a_problem(f"problem-{self.serial % 3}", name, text="x" * size)
        return self.desk.notification(problem.id, self.serial, what="problem", record=codec.encode_record(problem), subscriptions=names)

    def _report(self, attempt: Attempt, result: Result, status: int, times: int = 1) -> None:
        self.reported.add((attempt.subscription, attempt.seq, attempt.attempt))
        self._put(*[self.desk.outcome(attempt, result, status=status, delivery_id=attempt.delivery_id)] * times)

    def _attempts(self) -> list[Attempt]:
        return [one for one in self.work if isinstance(one, Attempt)]

    def _awaited(self) -> list[Attempt]:
        """Return the attempts that are the newest of their lines, and were not reported."""
        newest = {(pair[0], one.seq, one.attempt) for pair, one in self.under_way.items()} - self.reported
        return [one for one in self._attempts() if (one.subscription, one.seq, one.attempt) in newest]

    def _readings(self) -> list[Refill | Backfill]:
        return [one for one in self.work if not isinstance(one, Attempt)]

    def _found(self, reading: Refill | Backfill, most: int) -> Refilled | Backfilled:
        if isinstance(reading, Backfill):
            return self._old_ones(reading, most)
        notifications: list[Notification] = []
        until = reading.since
        for offset, message in enumerate(self.log[reading.since :], reading.since):
            if isinstance(message, Notification) and reading.subscription in message.subscriptions:
                if len(notifications) == most or (notifications and _bytes([*notifications, message]) > _LIMITS.found_bytes):
                    break
                notifications.append(message)
            until = offset + 1
        return Refilled(subscription=reading.subscription, since=reading.since, until=until, found=tuple(notifications), at=self.desk.now)

    def _old_ones(self, reading: Backfill, most: int) -> Backfilled:
        name, start = reading.rule.id, int(reading.since or 0)
        notifications = tuple(self.old[name][start : start + most])
        end = start + len(notifications)
        return Backfilled(
            subscription=name, since=reading.since, cursor=str(end), found=notifications, done=end >= len(self.old[name]), at=self.desk.now
        )

    # What must hold

    def _check_attempt(self, attempt: Attempt) -> None:
        pair = attempt.subscription, self.lines[attempt.version]
        before = self.under_way.get(pair)
        is_over = before is None or attempt.at >= before.until or (attempt.subscription, before.seq, before.attempt) in self.reported
        assert is_over, f"two of {pair} are under way"
        self.under_way[pair] = UnderWay(attempt.seq, attempt.attempt, attempt.at + _LIMITS.lease_ms)

    def _check_report(self, delivery: Delivery) -> None:
        name = delivery.subscription_id
        if delivery.outcome in {"delivered", "dead"}:
            self.ended[name].append(delivery.version)

    def _check_nothing_is_lost(self) -> None:
        states = dict(self.desk.logic.subscriptions())
        for name in _SUBSCRIPTIONS:
            if name in self.is_gone:
                continue
            state = states.get(name, DeliveryState())
            in_log = self._left_in_log(name, state)
            assert state.course.deferred == len(in_log)
            versions_left = [one.version for one in state.waiting.values() if not one.delivered]
            versions_left += [one.version for one in (*self._left_of_old(name, state), *in_log)]
            for line in _LINES:
                expected = [one.version for one in self.arrived[name] if self.lines[one.version] == line]
                assert [version for version in (*self.ended[name], *versions_left) if self.lines[version] == line] == expected, (name, line)

    def _left_of_old(self, name: str, state: DeliveryState) -> list[Notification]:
        return [] if state.course.backfill is None else self.old[name][int(state.course.backfill or 0) :]

    def _left_in_log(self, name: str, state: DeliveryState) -> list[Notification]:
        if state.course.cursor is None:
            return []
        return [one for one in self.log[state.course.cursor :] if isinstance(one, Notification) and name in one.subscriptions]

    def _check_bounds(self) -> None:
        total = awaited = 0
        for _, state in self.desk.logic.subscriptions():
            assert len(state.waiting) <= _LIMITS.waiting
            assert state.weight <= _LIMITS.waiting_bytes or len(state.waiting) <= 3  # a larger one that was read again
            total += state.weight
            awaited += sum(one.awaited for one in state.waiting.values())
        totals = self.desk.logic._committed.totals
        assert (totals.weight, totals.under_way) == (total, awaited)
        assert awaited <= _LIMITS.under_way_most
        assert total <= _LIMITS.held_bytes + 20_000

    def _check_changelog(self) -> None:
        restored = DeliveryLogic(0, 4, _LIMITS)
        for key, value in reversed(self.desk.changelog.items()):  # compaction keeps the order of the last writes, whatever that is
            restored.restore(key, value)
        restored.fold([])
        mine, theirs = dict(restored.subscriptions()), dict(self.desk.logic.subscriptions())
        assert mine == theirs
        assert all(list(mine[name].waiting) == list(theirs[name].waiting) for name in mine)
        assert restored.now == self.desk.logic.now
        assert vars(restored._committed.totals) == vars(self.desk.logic._committed.totals)


def _is_healed(state: DeliveryState) -> bool:
    return not state.waiting and state.course.cursor is None and not state.course.incident


def _bytes(notifications: list[Notification]) -> int:
    return sum(len(one.record) for one in notifications)


def test_deliveries_are_in_order_and_complete_whatever_happens() -> None:
    run_state_machine_as_test(
        DeliveryMachine,
        settings=settings(
            max_examples=150,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
