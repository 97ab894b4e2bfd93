from causeline.processors.delivery.limits import DeliveryLimits
from causeline.schemas.records.delivery_work import Backfill, Backfilled, Configured, Notification, Refill, Refilled
from tests.unit.processors.delivery.delivery_desk import SECOND, T0, Desk, S, a_rule, attempts

SMALL = DeliveryLimits(waiting=4, window_start=1, window_most=1)


def _desk(limits: DeliveryLimits = SMALL) -> Desk:
    desk = Desk(limits)
    desk.set_up()
    return desk


def _refilled(desk: Desk, since: int, until: int, *notifications: Notification) -> Refilled:
    return Refilled(subscription=S, since=since, until=until, found=notifications, at=desk.now)


def _backfilled(desk: Desk, since: str, cursor: str, *notifications: Notification, is_done: bool = False) -> Backfilled:
    return Backfilled(subscription=S, since=since, cursor=cursor, found=notifications, done=is_done, at=desk.now)


def _until_refill(desk: Desk, entity: str) -> Refill:
    """Deliver from this entity on until the log is to be read again."""
    (attempt,) = [one for one in desk.handed if one.entity == entity and one.subscription == S][-1:]
    for _ in range(100):
        work = desk.put(desk.outcome(attempt))
        refills = [one for one in work if isinstance(one, Refill)]
        if refills:
            return refills[0]
        (attempt,) = attempts(work)
    raise AssertionError("nobody asked for more")


def test_beyond_the_bound_notifications_stay_in_the_log_and_are_read_again_in_order() -> None:
    desk = _desk()
    desk.notify(*"abcd")
    first_left = desk.offset
    late = [desk.notification(entity) for entity in "efg"]
    desk.put(*late)
    state = desk.held()
    assert desk.entities() == list("abcd")
    assert (state.course.cursor, state.course.last_deferred, state.course.deferred) == (first_left, first_left + 2, 3)
    health = desk.health()[-1]
    assert health is not None
    assert health.behind
    refill = _until_refill(desk, "a")
    assert (refill.since, refill.partition, refill.subscription) == (first_left, 0, S)
    assert desk.entities() == ["d"]
    desk.put(_refilled(desk, refill.since, first_left + 2, *late[:2]))
    assert desk.entities() == ["d", "e", "f"]
    refill = _until_refill(desk, "d")
    desk.put(_refilled(desk, refill.since, desk.offset + 1, late[2]))
    assert desk.held().course.cursor is None
    desk.notify("h")
    assert desk.entities()[-2:] == ["g", "h"]
    assert desk.held().course.skipped == 0


def test_while_behind_nothing_new_overtakes_what_is_left_in_the_log() -> None:
    desk = _desk()
    desk.notify(*"abcde")
    refill = _until_refill(desk, "a")
    desk.notify("f")
    assert "f" not in desk.entities()
    desk.put(_refilled(desk, refill.since, refill.since + 1, desk.notification("e")))
    assert desk.held().course.cursor == refill.since + 1


def test_a_report_of_another_place_or_a_second_one_brings_nothing() -> None:
    desk = _desk()
    desk.notify(*"abcde")
    refill = _until_refill(desk, "a")
    desk.put(_refilled(desk, refill.since + 1, desk.offset, desk.notification("x")))
    assert desk.entities() == ["d"]
    reports = _refilled(desk, refill.since, desk.offset, desk.notification("e"))
    desk.put(reports)
    desk.put(reports)
    assert desk.entities() == ["d", "e"]


def test_a_reading_that_is_not_reported_is_handed_out_again() -> None:
    desk = _desk()
    desk.notify(*"abcde")
    refill = _until_refill(desk, "a")
    again = [one for one in desk.wait(desk.limits.lease_ms) if isinstance(one, Refill)]
    assert [one.since for one in again] == [refill.since]


def test_a_reading_that_found_no_end_is_made_again_a_little_later() -> None:
    desk = _desk()
    desk.notify(*"abcde")
    refill = _until_refill(desk, "a")
    assert desk.put(_refilled(desk, refill.since, refill.since)) == []
    assert [one for one in desk.wait(SECOND) if isinstance(one, Refill)] != []


def test_what_retention_took_away_is_counted_as_skipped() -> None:
    desk = _desk()
    desk.notify(*"abcdefg")
    refill = _until_refill(desk, "a")
    desk.put(_refilled(desk, refill.since, desk.offset, desk.notification("g")))
    assert desk.held().course.skipped == 2
    assert desk.held().course.cursor is None


def test_a_paused_subscription_is_not_read_for() -> None:
    desk = _desk()
    desk.set_up(a_rule(2, state="paused"))
    desk.notify(*"abcde")
    assert desk.wait(desk.limits.lease_ms) == []


def test_one_that_has_nothing_left_is_read_for_although_its_endpoint_is_broken() -> None:
    desk = _desk(DeliveryLimits(waiting=2, window_start=1, breaker_failures=1, attempts=1))
    (first,) = desk.notify("a", "b", "c")
    work = desk.put(desk.outcome(first, "failed"))
    assert work == []  # "a" is dead, the breaker open, and "b" enough to probe with
    (probe,) = attempts(desk.wait(33 * SECOND))
    work = desk.put(desk.outcome(probe, "failed"))
    assert [type(one) for one in work] == [Refill]


def test_one_larger_than_the_bound_is_let_in_alone() -> None:
    desk = _desk(DeliveryLimits(waiting_bytes=10_000))
    desk.put(desk.notification("a", record=b"x" * 20_000))
    assert desk.entities() == ["a"]
    desk.notify("b")
    assert desk.entities() == ["a"]


def test_a_partition_has_a_bound_too_and_asks_again_when_there_is_room() -> None:
    desk = Desk(DeliveryLimits(held_bytes=40_000, found_bytes=15_000, waiting=4))
    desk.put(*(Configured(rule=a_rule(subscription=name), at=T0) for name in ("s1", "s2")))
    (first,) = attempts(desk.put(desk.notification("a", record=b"x" * 25_000, subscriptions=("s1",))))
    assert desk.put(desk.notification("b", record=b"x" * 8_000, subscriptions=("s2",))) == []
    assert desk.held("s2").course.cursor is not None
    assert desk.wait(desk.limits.room_ms) == []
    assert desk.put(desk.outcome(first)) == []
    assert [type(one) for one in desk.wait(desk.limits.room_ms)] == [Refill]


def test_a_backfill_comes_first_then_what_came_meanwhile_then_live() -> None:
    desk = Desk(SMALL)
    rule = a_rule(start_from=T0 - 1_000)
    work = desk.put(Configured(rule=rule, at=T0), desk.notification("new1"))
    assert [(type(one), getattr(one, "since", None)) for one in work] == [(Backfill, "")]
    health = desk.health()[-1]
    assert health is not None
    assert (health.state, health.behind) == ("backfilling", True)
    first = attempts(desk.put(_backfilled(desk, "", "c1", desk.notification("old1"))))
    assert [one.entity for one in first] == ["old1"]
    desk.put(_backfilled(desk, "", "c1", desk.notification("again")))
    assert desk.entities() == ["old1"]
    work = desk.put(_backfilled(desk, "c1", "c2", desk.notification("old2"), is_done=True))
    assert desk.held().course.backfill is None
    work += desk.put(desk.outcome(first[0]))
    (refill,) = [one for one in work if isinstance(one, Refill)]
    assert refill.since == 0
    desk.put(_refilled(desk, 0, 2, desk.notification("new1")))
    assert desk.entities() == ["old2", "new1"]
    assert desk.held().course.cursor is None
    health = desk.health()[-1]
    assert health is not None
    assert (health.state, health.skipped) == ("active", 0)


def test_after_a_backfill_in_which_nothing_came_it_is_live_at_once() -> None:
    desk = Desk()
    desk.set_up(a_rule(start_from=T0 - 1))
    desk.put(_backfilled(desk, "", "end", is_done=True))
    assert desk.held().course.cursor is None
    assert len(desk.notify("a")) == 1


def test_what_came_before_a_subscription_with_a_backfill_was_known_comes_after_it() -> None:
    desk = Desk()
    desk.notify("early")
    desk.set_up(a_rule(start_from=T0 - 1))
    assert desk.entities() == []
    work = desk.put(_backfilled(desk, "", "end", desk.notification("old"), is_done=True))
    (refill,) = [one for one in work if isinstance(one, Refill)]
    assert refill.since == 0
    desk.put(_refilled(desk, 0, 3, desk.notification("early")))
    assert desk.entities() == ["old", "early"]
    assert desk.held().course.cursor is None
    assert desk.held().course.skipped == 0


def test_a_backfill_that_stands_still_is_asked_again_a_little_later() -> None:
    desk = Desk()
    desk.set_up(a_rule(start_from=T0 - 1))
    assert desk.put(_backfilled(desk, "", "")) == []
    assert [type(one) for one in desk.wait(SECOND)] == [Backfill]


def test_tests_are_not_read_again() -> None:
    desk = _desk()
    desk.notify(*"abcde")
    refill = _until_refill(desk, "a")
    desk.put(_refilled(desk, refill.since, desk.offset, desk.notification("e"), desk.notification("t", what="test")))
    assert desk.entities() == ["d", "e"]
