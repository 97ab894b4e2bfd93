"""What is told of causes: in order with their problem, in its thread, dead and begun again as anything else."""

from typing import Any

from causeline.deploy.server.redelivery import repeat
from causeline.processors.dead_letters import letters
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.schemas.records.delivery_work import Attempt, Notification, Refill, Refilled
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.subscriptions.rules import Filter
from causeline.schemas.topics import DEAD_LETTERS
from causeline.schemas.wire import codec
from tests.revisions import a_revision
from tests.unit.processors.delivery.delivery_desk import Desk, S, a_problem, a_rule, attempts


def _desk(*followed: str) -> Desk:
    desk = Desk()
    desk.set_up(a_rule(where=Filter(followed=followed)) if followed else None)  # type: ignore[arg-type]
    return desk


def _problem(desk: Desk, *transitions: str) -> list[Notification]:
    """The notifications of one problem."""
    problems = [a_problem("p", "corr", each, version=n, is_deleted=each == "deleted") for n, each in enumerate(transitions, 1)]  # type: ignore[arg-type]
    return [desk.notification(one.id, one.version, what="problem", record=codec.encode_record(one)) for one in problems]


def _causes(desk: Desk, problem: str, correlation_id: str, revision: int, **fields: Any) -> Notification:
    ranking = a_revision(tenant="acme", id=problem, correlation_id=correlation_id, revision=revision, **fields)
    return desk.notification(problem, revision, what="causes", record=codec.encode_record(ranking))


def test_what_is_told_of_causes_is_in_order_with_what_their_correlation_id_goes_through() -> None:
    desk = _desk()
    opened, closed = _problem(desk, "opened", "closed")
    told = [opened, _causes(desk, "p", "corr", 1), closed, _causes(desk, "p", "corr", 2)]
    due = attempts(desk.put(*told, _causes(desk, "another", "other", 1)))
    assert [one.entity for one in due] == ["p", "another"]
    order = []
    going: list[Attempt] = due[:1]
    while going:
        order.append((going[0].what, going[0].entity, going[0].version))
        going = desk.report(going[0])
    assert order == [(one.what, one.entity, one.version) for one in told]


def test_versions_and_revisions_of_one_problem_are_different_deliveries() -> None:
    desk = _desk()
    (opened,) = _problem(desk, "opened")
    (first,) = attempts(desk.put(opened, _causes(desk, "p", "corr", 1)))
    (second,) = desk.report(first)
    assert (second.what, second.version) == ("causes", first.version)
    assert second.delivery_id != first.delivery_id


def test_causes_go_into_their_problems_thread() -> None:
    desk = _desk()
    opened, closed = _problem(desk, "opened", "closed")
    (first,) = attempts(desk.put(opened, _causes(desk, "p", "corr", 1), closed))
    (second,) = desk.report(first, thread="C1:17.5")
    (third,) = desk.report(second, thread="C1:17.5")
    assert (second.what, second.thread, third.what, third.thread) == ("causes", "C1:17.5", "problem", "C1:17.5")
    desk.report(third)
    assert desk.held().threads == {}


def test_the_thread_of_a_closed_problem_stays_where_causes_are_followed() -> None:
    desk = _desk("problems", "causes")
    opened, closed, deleted = _problem(desk, "opened", "closed", "deleted")
    (first,) = attempts(desk.put(opened, closed))
    (second,) = desk.report(first, thread="C1:17.5")
    desk.report(second)
    desk.restart()
    (late,) = attempts(desk.put(_causes(desk, "p", "corr", 4, state="closed")))
    assert late.thread == "C1:17.5"
    desk.report(late)
    (last,) = attempts(desk.put(deleted))
    desk.report(last)
    assert desk.held().threads == {}


def test_the_thread_of_causes_alone_is_their_first_message() -> None:
    desk = _desk("causes")
    (first,) = attempts(desk.put(_causes(desk, "p", "corr", 1), _causes(desk, "p", "corr", 3)))
    (second,) = desk.report(first, thread="C1:17.5")
    assert (first.thread, second.thread) == ("", "C1:17.5")


def test_causes_that_nobody_could_be_told_die_and_begin_again_with_their_record() -> None:
    desk = Desk(DeliveryLimits(attempts=1))
    desk.set_up()
    notification = _causes(desk, "p", "corr", 1)
    (attempt,) = attempts(desk.put(notification))
    desk.report(attempt, "failed")
    (dead,) = desk.log()
    assert (dead.what, dead.entity, dead.version, dead.outcome, dead.record) == ("causes", "p", 1, "dead", notification.record)
    (letter,) = [codec.decode_record(out.value, DeadLetter) for out in desk.out if out.topic == DEAD_LETTERS and out.value]
    contents = letters.contents(letter)
    assert contents is not None
    assert (contents["what"], contents["record"]["verdict"], contents["delivery_id"]) == ("causes", "likely", dead.id)
    record = repeat(dead, dead.record, desk.now)
    (again,) = attempts(desk.put_bytes(record.event))
    assert (again.delivery_id, again.record) == (dead.id, notification.record)


def test_causes_wait_in_the_log_and_are_read_again_in_order() -> None:
    desk = Desk(DeliveryLimits(waiting=2))
    desk.set_up()
    told = [_causes(desk, "p", "corr", revision) for revision in range(1, 5)]
    due = attempts(desk.put(*told))
    order = []
    while due:
        order.append(due[0].version)
        work = desk.put(desk.outcome(due[0]))
        reading = [one for one in work if isinstance(one, Refill)]
        due = attempts(work)
        for refill in reading:
            until = desk.offset
            due += attempts(desk.put(Refilled(subscription=S, since=refill.since, until=until, found=tuple(told[2:]), at=desk.now)))
    assert order == [1, 2, 3, 4]
