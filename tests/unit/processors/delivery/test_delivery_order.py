from collections import defaultdict
from random import Random

from causeline.processors.delivery import state
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.state import Waiting
from causeline.processors.runtime.ports import Input
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import Attempt, AttemptOutcome, Configured, Notification, Result
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec
from tests.unit.processors.delivery.delivery_desk import MINUTE, SECOND, Desk, S, a_problem, a_rule, attempts


def _desk(limits: DeliveryLimits | None = None) -> Desk:
    desk = Desk(limits)
    desk.set_up()
    return desk


def test_a_notification_is_handed_out_at_once() -> None:
    desk = _desk()
    (attempt,) = desk.notify("e1")
    assert (attempt.subscription, attempt.revision, attempt.attempt, attempt.entity, attempt.record) == (S, 1, 1, "e1", b"r")
    assert attempt.first_at == attempt.at == desk.now


def test_the_next_one_of_an_entity_goes_only_when_the_one_before_was_delivered() -> None:
    desk = _desk()
    (first,) = attempts(desk.put(desk.notification("e1", 1), desk.notification("e1", 2)))
    assert first.version == 1
    (second,) = desk.report(first)
    assert second.version == 2


def test_the_next_one_of_an_entity_waits_while_the_one_before_is_tried_again() -> None:
    desk = _desk()
    (first,) = attempts(desk.put(desk.notification("e1", 1), desk.notification("e1", 2)))
    assert desk.report(first, "failed") == []
    (again,) = attempts(desk.wait(6 * SECOND))
    assert (again.version, again.attempt) == (1, 2)


def test_different_entities_go_side_by_side() -> None:
    assert [attempt.entity for attempt in _desk().notify("a", "b", "c")] == ["a", "b", "c"]


def test_an_attempt_that_is_not_reported_is_handed_out_again_and_counts_as_no_failure() -> None:
    desk = _desk()
    (first,) = desk.notify("e1")
    assert attempts(desk.wait(desk.limits.lease_ms - 1)) == []
    (again,) = attempts(desk.wait(1))
    assert (again.seq, again.attempt, again.delivery_id) == (first.seq, 2, first.delivery_id)
    assert desk.held().waiting[first.seq].failures == 0


def test_a_late_report_counts_until_the_attempt_is_handed_out_again() -> None:
    desk = _desk()
    (first,) = desk.notify("e1")
    desk.set_up(a_rule(2, state="paused"))
    desk.wait(2 * desk.limits.lease_ms)
    desk.report(first)
    assert [(one.outcome, one.attempt) for one in desk.log()] == [("delivered", 1)]


def test_a_report_that_nobody_waits_for_changes_nothing() -> None:
    desk = _desk()
    (first,) = desk.notify("e1")
    (again,) = attempts(desk.wait(desk.limits.lease_ms))
    before = dict(desk.changelog)
    stale: list[AttemptOutcome] = [
        desk.outcome(first, "failed"),
        desk.outcome(first, "unsent"),
        desk.outcome(first, delivery_id="msg_of_another"),
        desk.outcome(again, attempt=3),
        desk.outcome(again, seq=9),
        desk.outcome(again, subscription="unknown"),
    ]
    assert desk.put(*stale) == []
    assert desk.changelog == before
    desk.report(again)
    desk.report(again)
    assert [one.outcome for one in desk.log()] == ["delivered"]


def test_a_double_report_of_a_failure_is_one_failure() -> None:
    desk = _desk()
    (first,) = desk.notify("e1")
    desk.report(first, "failed")
    desk.report(first, "failed")
    assert desk.held().waiting[first.seq].failures == 1
    assert len(desk.log()) == 1


def test_a_delivery_has_one_id_however_often_it_is_sent_and_a_repeat_keeps_the_old_one() -> None:
    desk = _desk()
    (first,) = desk.notify("e1")
    desk.report(first, "failed")
    (again,) = attempts(desk.wait(6 * SECOND))
    assert again.delivery_id == first.delivery_id
    desk.report(again)
    (repeat,) = attempts(desk.put(desk.notification("e1", delivery_id="msg_old")))
    assert (repeat.delivery_id, repeat.attempt) == ("msg_old", 1)


def test_a_paused_subscription_waits_and_then_goes_on_in_order() -> None:
    desk = _desk()
    desk.set_up(a_rule(2, state="paused"))
    assert desk.notify("a", "b") == []
    assert desk.wait(MINUTE) == []
    assert [attempt.entity for attempt in attempts(desk.set_up(a_rule(3)))] == ["a", "b"]


def test_an_older_revision_changes_nothing() -> None:
    desk = _desk()
    desk.set_up(a_rule(3, state="paused"))
    before = dict(desk.changelog)
    desk.set_up(a_rule(2))
    desk.set_up(a_rule(3))
    assert desk.changelog == before


def test_a_test_goes_ahead_of_the_others_while_paused_and_is_never_tried_again() -> None:
    desk = _desk()
    desk.set_up(a_rule(2, state="paused"))
    (test,) = attempts(desk.put(desk.notification("e1"), desk.notification("t", what="test", record=b"")))
    assert test.what == "test"
    desk.report(test, "failed", detail="refused")
    assert [(one.what, one.outcome, one.detail) for one in desk.log()] == [("test", "dead", "refused")]
    assert desk.letters() == []
    assert desk.entities() == ["e1"]
    assert desk.held().course.breaker.failures == 0


def test_what_comes_before_the_subscription_is_set_up_is_kept() -> None:
    desk = Desk()
    assert desk.notify("e1") == []
    (attempt,) = attempts(desk.set_up())
    assert attempt.entity == "e1"


def test_what_nobody_sets_up_is_forgotten() -> None:
    desk = Desk()
    desk.notify("e1")
    desk.wait(desk.limits.forget_ms)
    assert desk.logic.subscriptions() == []
    assert list(desk.changelog) == [b"t"]


def test_a_deleted_subscription_leaves_no_trace_and_tells_so() -> None:
    desk = _desk()
    (attempt, *_) = desk.notify("a", "b")
    desk.set_up(a_rule(2, gone=True))
    assert desk.health()[-1] is None
    assert desk.report(attempt) == []
    assert desk.notify("c") == []
    desk.set_up(a_rule(1))
    assert desk.notify("d") == []
    assert desk.log() == []
    desk.wait(desk.limits.forget_ms)
    assert list(desk.changelog) == [b"t"]
    assert desk.logic.subscriptions() == []


def test_reports_of_a_deleted_subscription_do_not_meet_its_successor() -> None:
    desk = _desk()
    (old,) = desk.notify("a")
    desk.set_up(a_rule(2, gone=True))
    desk.set_up(a_rule(3))
    (new,) = desk.notify("b")
    assert isinstance(new, Attempt)
    desk.report(old)
    assert desk.entities() == ["b"]


def test_at_most_a_few_tests_wait() -> None:
    desk = _desk()
    work = desk.put(*(desk.notification(f"t{i}", what="test", record=b"") for i in range(30)))
    assert len(work) == desk.limits.tests


def test_what_cannot_be_read_is_set_aside() -> None:
    desk = _desk()
    desk.put_bytes(b"\xc1")
    (letter,) = desk.letters()
    assert (letter.reason, letter.offset, letter.value) == ("undecodable", 1, b"\xc1")


def test_a_round_leaves_the_committed_state_as_it_is() -> None:
    desk = _desk()
    desk.notify("a")
    before = {name: (one.rule, one.course, dict(one.waiting), one.weight) for name, one in desk.logic.subscriptions()}
    offset, changelog = desk.offset, dict(desk.changelog)
    logic = desk.logic
    logic.fold([Input(0, offset, b"", delivery_work.encode_delivery_work(desk.notification("b")))])
    after = {name: (one.rule, one.course, dict(one.waiting), one.weight) for name, one in logic.subscriptions()}
    assert (before, changelog) == (after, desk.changelog)


def test_what_was_handed_out_and_reported_is_so_when_all_of_it_is_folded_again_at_once() -> None:
    desk = Desk()
    notifications = [desk.notification("e1", 1), desk.notification("e1", 2)]
    reports = [AttemptOutcome(subscription=S, seq=seq, attempt=1, result="delivered", status=200, at=desk.now) for seq in (1, 2)]
    desk.put(Configured(rule=a_rule(), at=desk.now), *notifications, *reports)
    assert [one.outcome for one in desk.log()] == ["delivered", "delivered"]
    assert desk.entities() == []


def _life(desk: Desk, correlation_id: str, moves: int) -> list[Notification]:
    """The notifications of one correlation id that opens and closes again and again: each opening is a problem of its own."""
    notifications = []
    for number in range(moves):
        transition = ("closed" if number % 2 else "reopened") if number else "opened"
        problem = a_problem(f"{correlation_id}-{number // 2}", correlation_id, transition, version=1 + number % 2)  # type: ignore[arg-type]
        notifications.append(desk.notification(problem.id, problem.version, what="problem", record=codec.encode_record(problem)))
    return notifications


def test_what_a_correlation_id_goes_through_is_told_in_order_over_problem_ids() -> None:
    desk = _desk()
    opened, closed, reopened, closed_again = _life(desk, "corr", 4)
    (first,) = attempts(desk.put(opened, closed, reopened, closed_again))
    (second,) = desk.report(first)
    assert (second.entity, second.version) == (closed.entity, 2)
    assert desk.report(second, "failed", status=503) == []
    (again,) = attempts(desk.wait(6 * SECOND))
    assert (again.entity, again.version) == (closed.entity, 2)
    (third,) = desk.report(again)
    (fourth,) = desk.report(third)
    assert [(one.entity, one.version) for one in (third, fourth)] == [("corr-1", 1), ("corr-1", 2)]


def test_problems_of_different_correlation_ids_and_events_go_side_by_side() -> None:
    desk = _desk()
    notifications = [*_life(desk, "a", 1), *_life(desk, "b", 1), desk.notification("a"), desk.notification("a-0")]
    assert len(attempts(desk.put(*notifications))) == 4


def test_problems_in_a_changelog_of_before_are_in_order_with_those_that_come() -> None:
    desk = _desk()
    opened, closed, reopened = _life(desk, "corr", 3)
    (first,) = attempts(desk.put(opened, closed))
    for key, value in desk.changelog.items():
        if key.startswith(state.WAITING):
            waiting = state.notifications.decode(value)
            assert waiting.correlation_id == "corr"
            old = Waiting(**{name: getattr(waiting, name) for name in waiting.__struct_fields__ if name != "correlation_id"})
            desk.changelog[key] = state.encode_delivery_state(old)
            assert b"correlation_id" not in desk.changelog[key]
    desk.restart()
    assert attempts(desk.put(reopened)) == []
    (second,) = desk.report(first)
    (third,) = desk.report(second)
    assert (second.version, third.entity) == (2, "corr-1")


def test_a_problem_that_cannot_be_read_is_in_order_with_its_own_versions() -> None:
    desk = _desk()
    assert len(attempts(desk.put(*(desk.notification("p", v, what="problem", record=b"broken") for v in (1, 2))))) == 1


def test_a_receiver_hears_every_correlation_id_in_order_whatever_fails_and_whoever_restarts() -> None:
    for seed in range(20):
        random = Random(seed)
        desk = Desk(DeliveryLimits(attempts=100, breaker_failures=3))
        desk.set_up()
        lives = {name: _life(desk, name, random.randrange(1, 9)) for name in ("a", "b", "c")}
        deliveries: dict[str, list[tuple[str, int]]] = defaultdict(list)
        coming = {name: list(notifications) for name, notifications in lives.items()}
        due: list[Attempt] = []
        while any(coming.values()) or due or desk.entities():
            name = random.choice(list(coming))
            due += attempts(desk.put(*[coming[name].pop(0) for _ in range(min(len(coming[name]), random.randrange(4)))]))
            if due:
                attempt = due.pop(random.randrange(len(due)))
                result: Result = random.choice(("delivered", "delivered", "failed", "limited", "unsent"))
                if result == "delivered":
                    deliveries[codec.decode_record(attempt.record, Problem).correlation_id].append((attempt.entity, attempt.version))
                due += desk.report(attempt, result)
            if random.random() < 0.2:
                desk.restart()
            due += attempts(desk.wait(random.choice((0, SECOND, MINUTE, 10 * MINUTE))))
            due = [one for one in due if one.at + desk.limits.lease_ms > desk.now]  # the others are dropped by who should send them
        assert deliveries == {name: [(one.entity, one.version) for one in notifications] for name, notifications in lives.items()}, seed


def test_a_late_success_of_an_earlier_attempt_counts_and_the_next_in_line_waits_for_the_one_under_way() -> None:
    desk = _desk()
    (first,) = attempts(desk.put(desk.notification("e1", 1), desk.notification("e1", 2)))
    (again,) = attempts(desk.wait(desk.limits.lease_ms))
    assert desk.report(first, delivery_id=first.delivery_id) == []
    assert [(one.outcome, one.attempt) for one in desk.log()] == [("delivered", 1)]
    assert desk.report(first) == []
    (second,) = desk.report(again, "failed")
    assert second.version == 2
    assert [one.outcome for one in desk.log()] == ["delivered"]
    assert desk.held().course.delivered == 1


def test_the_next_in_line_waits_no_longer_than_the_lease_of_what_is_under_way() -> None:
    desk = _desk()
    (first,) = attempts(desk.put(desk.notification("e1", 1), desk.notification("e1", 2)))
    desk.wait(desk.limits.lease_ms)
    desk.report(first)
    desk.restart()
    assert attempts(desk.wait(desk.limits.lease_ms - 1)) == []
    (second,) = attempts(desk.wait(1))
    assert second.version == 2


def test_a_success_that_is_reported_while_it_waits_to_be_tried_again_counts() -> None:
    desk = _desk()
    (first,) = attempts(desk.put(desk.notification("e1", 1), desk.notification("e1", 2)))
    (again,) = attempts(desk.wait(desk.limits.lease_ms))
    desk.report(again, "failed")
    (second,) = desk.report(first)
    assert second.version == 2
    assert [one.outcome for one in desk.log()] == ["retried", "delivered"]


def test_an_attempt_that_was_too_old_to_be_sent_goes_out_again_at_once_and_is_no_failure() -> None:
    desk = _desk(DeliveryLimits(attempts=1))
    (first,) = desk.notify("e1")
    assert first.begin_within_ms == desk.limits.begin_ms < desk.limits.lease_ms
    (again,) = desk.report(first, "unsent")
    assert (again.seq, again.attempt) == (first.seq, 2)
    course = desk.held().course
    assert (course.attempts, course.failed, course.breaker.failures, desk.log()) == (0, 0, 0, [])


def test_a_probe_that_was_too_old_to_be_sent_is_made_again() -> None:
    desk = _desk(DeliveryLimits(breaker_failures=1))
    desk.report(desk.notify("e1")[0], "failed")
    (probe,) = attempts(desk.wait(34 * SECOND))
    (again,) = desk.report(probe, "unsent")
    assert (again.attempt, desk.held().course.breaker.state) == (3, "half_open")


def test_a_worker_whose_clock_is_ahead_is_given_work_that_is_new_to_it_after_its_first_report() -> None:
    desk = _desk()
    (first,) = desk.notify("e1")
    ahead = desk.now + 60 * MINUTE
    (again,) = desk.report(first, "unsent", at=ahead)
    assert again.at == ahead
