import pytest

from causeline.processors.delivery import pressure, retries
from causeline.processors.delivery.limits import DELAYS_MS, DeliveryLimits
from causeline.processors.delivery.pressure import CLOSED_BREAKER, Breaker
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.ports import Input
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import Attempt, Configured, Notification
from causeline.schemas.records.problem import Problem, State, Transition
from causeline.schemas.topics import PROBLEMS
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests.partition_log import merge
from tests.unit.processors.delivery.delivery_desk import DAY, HOUR, MINUTE, SECOND, T0, Desk, S, a_rule, attempts

LIMITS = DeliveryLimits()
_STATES: tuple[State, ...] = ("open", "open", "closed")
NO_BREAKER = DeliveryLimits(breaker_failures=1_000)


def _desk(limits: DeliveryLimits = LIMITS) -> Desk:
    desk = Desk(limits)
    desk.set_up()
    return desk


def test_ten_attempts_over_75_hours_and_35_minutes() -> None:
    assert len(DELAYS_MS) == LIMITS.attempts - 1
    assert sum(DELAYS_MS) == 75 * HOUR + 35 * MINUTE + 5 * SECOND


@pytest.mark.parametrize(("failures", "delay"), list(enumerate(DELAYS_MS, 1)))
def test_each_delay_moves_by_at_most_a_tenth(failures: int, delay: int) -> None:
    delays = {retries.next_at(failures, 0, f"msg_{i}", T0, LIMITS) - T0 for i in range(200)}
    assert delay * 9 // 10 <= min(delays) < max(delays) <= delay * 11 // 10


@pytest.mark.parametrize(
    ("retry_after_ms", "due"),
    [
        pytest.param(0, (4_500, 5_500), id="none: the schedule"),
        pytest.param(1_000, (4_500, 5_500), id="sooner than the schedule"),
        pytest.param(MINUTE, (MINUTE, MINUTE), id="later than the schedule"),
        pytest.param(3 * DAY, (DAY, DAY), id="at most a day"),
        pytest.param(-5, (4_500, 5_500), id="nonsense"),
    ],
)
def test_a_receiver_may_ask_for_more_time(retry_after_ms: int, due: tuple[int, int]) -> None:
    assert due[0] <= retries.next_at(1, retry_after_ms, "msg", T0, LIMITS) - T0 <= due[1]


@pytest.mark.parametrize(
    ("failures", "age", "last"),
    [(9, 75 * HOUR, False), (10, 75 * HOUR, True), (1, 4 * DAY - 1, False), (1, 4 * DAY, True)],
)
def test_the_tenth_failure_or_the_fourth_day_is_the_last(failures: int, age: int, last: bool) -> None:  # noqa: FBT001 - a table's column
    assert retries.is_last(failures, T0, T0 + age, LIMITS) is last


@pytest.mark.parametrize(
    ("before", "state", "delay"),
    [
        pytest.param(CLOSED_BREAKER, "closed", 0, id="the first failure"),
        pytest.param(Breaker("closed", 3), "closed", 0, id="the fourth"),
        pytest.param(Breaker("closed", 4), "open", 30 * SECOND, id="the fifth opens it"),
        pytest.param(Breaker("half_open", 5, 1), "open", 60 * SECOND, id="a probe that failed: twice as long"),
        pytest.param(Breaker("half_open", 8, 4), "open", 5 * MINUTE, id="five minutes at most"),
        pytest.param(Breaker("half_open", 999, 990), "open", 5 * MINUTE, id="for ever"),
    ],
)
def test_the_breaker(before: Breaker, state: str, delay: int) -> None:
    after = pressure.after_failure(before, T0, S, LIMITS)
    assert (after.state, after.failures) == (state, before.failures + 1)
    assert not delay or delay * 9 // 10 <= after.until - T0 <= delay * 11 // 10


def test_attempts_that_were_under_way_do_not_move_an_open_breaker() -> None:
    opened = Breaker("open", 5, 1, T0 + 1)
    assert pressure.after_failure(opened, T0, S, LIMITS) is opened


@pytest.mark.parametrize(("window", "status", "after"), [(256, 500, 128), (5, 400, 2), (1, 503, 1), (200, 0, 1)])
def test_a_failure_halves_the_window_and_silence_closes_it_to_one(window: int, status: int, after: int) -> None:
    assert pressure.narrow_window(window, status) == after


def test_the_window_grows_with_each_success_up_to_its_bound() -> None:
    assert (pressure.widen_window(4, LIMITS), pressure.widen_window(256, LIMITS)) == (5, 256)


def test_no_more_than_the_window_is_under_way() -> None:
    desk = _desk()
    first = desk.notify(*"abcdefghij")
    assert [attempt.entity for attempt in first] == list("abcd")
    work = desk.put(*(desk.outcome(attempt) for attempt in first))
    assert [attempt.entity for attempt in attempts(work)] == list("efghij")


def test_a_notification_dies_after_its_tenth_failure_with_a_dead_letter_that_can_be_sent_again() -> None:
    desk = _desk(NO_BREAKER)
    work = attempts(desk.put(desk.notification("e1", 7, record=b"framed"), desk.notification("e1", 8)))
    for number in range(1, 11):
        (attempt,) = work
        assert (attempt.version, attempt.attempt) == (7, number)
        work = desk.report(attempt, "failed", detail="broken")
        if number < 10:
            work = attempts(desk.wait(int(DELAYS_MS[number - 1] * 1.1) + 1))
    assert [attempt.version for attempt in work] == [8]
    assert [one.outcome for one in desk.log()] == ["retried"] * 9 + ["dead"]
    assert [one.record for one in desk.log()] == [b""] * 9 + [b"framed"]
    assert all(one.next_attempt is not None and one.next_attempt > one.at for one in desk.log()[:9])
    (letter,) = desk.letters()
    assert (letter.reason, letter.tenant, letter.id, letter.topic) == ("delivery_failed", "acme", "e1", "causeline.deliveries")
    again = delivery_work.decode_message(letter.value)
    assert isinstance(again, Notification)
    assert (again.subscriptions, again.version, again.record, again.delivery_id) == ((S,), 7, b"framed", desk.log()[0].id)
    assert [(event.status, event.title) for event in desk.incidents()] == [("open", "Deliveries to pager fail")]


def test_a_429_holds_the_whole_subscription_and_uses_up_no_attempt() -> None:
    desk = _desk()
    (attempt,) = desk.notify("a")
    desk.report(attempt, "limited", retry_after_ms=10 * MINUTE)
    assert desk.notify("b") == []
    assert desk.wait(10 * MINUTE - 1) == []
    assert [(one.entity, one.attempt) for one in attempts(desk.wait(1))] == [("a", 2), ("b", 1)]
    state = desk.held()
    assert (state.waiting[1].failures, state.course.window, state.course.breaker) == (0, 2, CLOSED_BREAKER)
    assert [one.outcome for one in desk.log()] == ["retried"]


def test_a_429_without_a_time_waits_for_half_a_minute() -> None:
    desk = _desk()
    desk.report(desk.notify("a")[0], "limited")
    assert attempts(desk.wait(29 * SECOND)) == []
    assert len(attempts(desk.wait(1 * SECOND))) == 1


def test_a_410_disables_the_subscription_keeps_what_waits_and_a_change_enables_it() -> None:
    desk = _desk()
    (attempt,) = attempts(desk.put(desk.notification("a", 1), desk.notification("a", 2)))
    desk.report(attempt, "gone")
    health = desk.health()[-1]
    assert health is not None
    assert (health.state, health.why) == ("disabled", "the endpoint answered 410 Gone")
    assert desk.notify("b") == []
    assert desk.wait(DAY) == []
    assert desk.entities() == ["a", "a", "b"]
    desk.set_up(a_rule(2, state="paused"))
    assert [(one.entity, one.version) for one in attempts(desk.set_up(a_rule(3)))] == [("a", 1), ("b", 1)]
    assert [event.status for event in desk.incidents()] == ["open", "closed"]


def test_five_failures_in_a_row_stop_everything_but_one_probe_at_a_time() -> None:
    desk = _desk(DeliveryLimits(window_start=5))
    for attempt in desk.notify("f0", "f1", "f2", "f3", "f4"):
        desk.report(attempt, "failed", status=503)
    assert desk.notify("x", "y") == []
    assert desk.held().course.breaker.state == "open"
    (probe,) = attempts(desk.wait(33 * SECOND))
    assert probe.entity == "f0"
    assert desk.notify("z") == []
    desk.report(probe, "failed", status=503)
    assert desk.wait(50 * SECOND) == []
    (probe,) = attempts(desk.wait(20 * SECOND))
    assert probe.entity == "f0"
    desk.report(probe)
    assert desk.held().course.breaker == CLOSED_BREAKER
    assert desk.held().course.window == 2


def test_a_success_makes_everything_due_at_once() -> None:
    desk = _desk(DeliveryLimits(window_start=100))
    first = desk.notify(*"abcdefg")
    desk.put(*(desk.outcome(attempt, "failed", status=503) for attempt in first))
    (probe,) = attempts(desk.wait(33 * SECOND))
    (second,) = desk.report(probe, "failed", status=503) or attempts(desk.wait(67 * SECOND))
    assert second.entity == "a"
    work = desk.report(second)
    assert [attempt.entity for attempt in work] == ["b", "c"]  # a window of one, and the success
    assert {one.outcome for one in desk.log()[:-1]} == {"retried"}


def test_a_probe_before_its_time_is_none_of_the_ten() -> None:
    desk = _desk(DeliveryLimits(breaker_failures=2))
    (attempt,) = desk.notify("a")
    desk.report(attempt, "failed")
    (attempt,) = attempts(desk.wait(6 * SECOND))
    desk.report(attempt, "failed")
    due = desk.held().waiting[1].due_at
    (probe,) = attempts(desk.wait(33 * SECOND))
    assert desk.now < due
    desk.report(probe, "failed")
    assert (desk.held().waiting[1].failures, desk.held().waiting[1].attempts, desk.held().waiting[1].due_at) == (2, 3, due)


def test_a_probe_that_is_not_reported_is_made_again() -> None:
    desk = _desk(DeliveryLimits(breaker_failures=1))
    desk.report(desk.notify("a")[0], "failed")
    (probe,) = attempts(desk.wait(33 * SECOND))
    (again,) = attempts(desk.wait(desk.limits.lease_ms))
    assert (again.seq, again.attempt) == (probe.seq, probe.attempt + 1)


def test_a_change_of_the_subscription_probes_at_once() -> None:
    desk = _desk(DeliveryLimits(breaker_failures=1))
    desk.report(desk.notify("a")[0], "failed")
    (probe,) = attempts(desk.set_up(a_rule(2)))
    assert (probe.entity, probe.revision) == ("a", 2)


def test_a_broken_endpoint_is_a_problem_of_its_tenant_opened_once_and_closed_once() -> None:
    desk = Desk(DeliveryLimits(breaker_failures=1))
    desk.set_up(a_rule(groups=("ops",)))
    (attempt,) = desk.notify("a")
    desk.report(attempt, "failed", status=0, detail="connection refused")
    for _ in range(3):
        (probe,) = attempts(desk.wait(6 * MINUTE))
        desk.report(probe, "failed", status=0)
    (probe,) = attempts(desk.wait(6 * MINUTE))
    desk.report(probe)
    opened, closed = desk.incident_records()
    assert (opened.signal, closed.signal) == ("open", "close")
    assert {opened.correlation_id, closed.correlation_id} == {f"subscription-{S}"}
    assert opened.id != closed.id
    event = desk.incidents()[0]
    assert (event.tenant, event.kind, event.status, event.service, event.source) == (
        "acme",
        "incident",
        "open",
        "causeline",
        "causeline/deliveries",
    )
    assert (event.title, event.related_id, event.allowed_groups) == ("Deliveries to pager fail", S, ["ops"])
    assert event.tags == {"subscription": S, "breaker": "open"}
    assert event.text == "1 attempts in a row failed, the last one: no answer. connection refused"
    to = [output.partition for output in desk.out if output.topic == "causeline.ingest"]
    assert to == [partition_of(opened.key, 4)] * 2


def test_the_processors_of_events_open_and_close_that_problem() -> None:
    desk = _desk(DeliveryLimits(breaker_failures=1))
    desk.report(desk.notify("a")[0], "failed")
    (probe,) = attempts(desk.wait(33 * SECOND))
    desk.report(probe)
    events = ProcessorLogic(0, merge)
    inputs = [Input(0, i, record.key, codec.encode_record(record)) for i, record in enumerate(desk.incident_records())]
    step = events.fold(inputs)
    problems = [codec.decode_record(output.value, Problem) for output in step.out if output.topic == PROBLEMS and output.value]
    assert [(problem.correlation_id, problem.transition) for problem in problems] == [
        (f"subscription-{S}", "opened"),
        (f"subscription-{S}", "closed"),
    ]


def test_a_test_that_succeeds_shows_that_the_endpoint_is_back() -> None:
    desk = _desk(DeliveryLimits(breaker_failures=1))
    desk.report(desk.notify("a")[0], "failed")
    (test,) = attempts(desk.put(desk.notification("t", what="test", record=b"")))
    assert [attempt.entity for attempt in desk.report(test)] == ["a"]


def _problem(version: int, state: State) -> bytes:
    transition: Transition = "closed" if state == "closed" else "opened" if version == 1 else "refreshed"
    return codec.encode_record(
        Problem(
            tenant="acme",
            id="p1",
            version=version,
            state=state,
            transition=transition,
            correlation_id="c",
            event_id="e",
            dialect="native",
            kind="incident",
            start=T0,
            at=T0,
            last_receipt=T0,
            ingest_ts=T0,
        )
    )


def test_messages_of_a_problem_stay_in_its_thread_until_it_is_over() -> None:
    desk = _desk()
    notifications = [desk.notification("p1", i + 1, what="problem", record=_problem(i + 1, s)) for i, s in enumerate(_STATES)]
    (first,) = attempts(desk.put(*notifications))
    assert first.thread == ""
    (second,) = desk.report(first, thread="1700.01")
    assert second.thread == "1700.01"
    desk.restart()
    (third,) = desk.report(second)
    assert third.thread == "1700.01"
    desk.report(third)
    assert desk.held().threads == {}
    assert not any(key.startswith(b"h") for key in desk.changelog)


def test_health_is_told_at_once_when_it_turns_and_else_every_five_seconds() -> None:
    desk = _desk()
    assert len(desk.health()) == 1
    for _ in range(10):
        (attempt,) = desk.notify("a")
        desk.now += 100
        desk.report(attempt)
    assert len(desk.health()) == 2  # the first success
    desk.wait(5 * SECOND)
    assert len(desk.health()) == 3
    last = desk.health()[-1]
    assert last is not None
    assert (last.delivered, last.attempts, last.waiting, last.oldest) == (10, 10, 0, None)
    desk.wait(DAY)
    assert len(desk.health()) == 3
    (attempt,) = desk.notify("a")
    before = len(desk.health())
    desk.report(attempt, "failed", detail="broken")
    assert len(desk.health()) == before + 1
    last = desk.health()[-1]
    assert last is not None
    assert (last.last_error, last.failed, last.waiting) == ("broken", 1, 1)


def test_idle_subscriptions_are_not_touched() -> None:
    desk = Desk()
    desk.put(*(Configured(rule=a_rule(subscription=f"s{i}"), at=desk.now) for i in range(100)))
    desk.wait(10 * SECOND)
    before = dict(desk.logic.subscriptions())
    desk.wait(DAY)
    after = dict(desk.logic.subscriptions())
    assert all(after[name] is state for name, state in before.items())


def test_an_attempt_says_when_the_first_one_was() -> None:
    desk = _desk()
    (first,) = desk.notify("a")
    desk.report(first, "failed")
    (second,) = attempts(desk.wait(6 * SECOND))
    assert isinstance(second, Attempt)
    assert second.first_at == first.at


def test_what_is_withheld_is_cancelled_and_says_nothing_about_the_endpoint() -> None:
    desk = Desk(DeliveryLimits(breaker_failures=1))
    desk.set_up()
    before = desk.held().course
    (first,) = desk.notify("a")
    desk.put(desk.notification("a", 2))
    (second,) = desk.report(first, "withheld", detail="restricted")
    assert (second.entity, second.version) == ("a", 2)
    after = desk.held().course
    assert (after.breaker, after.attempts, after.failed, after.last_error) == (before.breaker, 0, 0, "")
    assert [(one.outcome, one.detail) for one in desk.log()] == [("cancelled", "restricted")]
    assert (desk.incidents(), desk.letters()) == ([], [])


def test_a_probe_that_is_withheld_lets_the_next_one_probe() -> None:
    desk = Desk(DeliveryLimits(breaker_failures=1))
    desk.set_up()
    first, _ = desk.notify("a", "b")
    desk.report(first, "failed")
    probes = [one for one in desk.wait(6 * MINUTE) if isinstance(one, Attempt)]
    while len(probes) == 0:
        probes = [one for one in desk.wait(6 * MINUTE) if isinstance(one, Attempt)]
    (probe,) = probes
    (following,) = desk.report(probe, "withheld")
    assert following.entity != probe.entity
    desk.report(following, "delivered")
    assert desk.held().course.breaker.state == "closed"
