"""Who is handed out what while a worker cannot make all of it, and how much lies before it.

The worker here makes what it is given in the order of the log, so many attempts a second, and does not begin what lay too long. Time is the
log's; no thread, no clock.
"""

from collections import Counter, deque

from causeline.processors.delivery import sharing
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.sharing import Turns
from causeline.schemas.records.delivery_work import Attempt, Configured, DeliveryMessage
from tests.unit.processors.delivery.delivery_desk import MINUTE, SECOND, Desk, a_rule, attempts

LEASE = 12 * SECOND
LIMITS = DeliveryLimits(lease_ms=LEASE, begin_ms=LEASE // 2, queue_short_ms=LEASE // 15, queue_long_ms=2 * LEASE // 15, window_start=16)
"""The lease and what follows from it at a fraction, so that a run is short."""
ROUND_MS = 100


class Worker:
    """One that makes `speed` attempts a second. What is put into `told` is what endpoints got."""

    def __init__(self, desk: Desk, speed: int) -> None:
        self.desk = desk
        self.speed = speed
        self.queue: deque[Attempt] = deque()
        self.told: Counter[str] = Counter()
        self.longest = 0

    def round(self, *messages: DeliveryMessage) -> None:
        """Let a round of the state go by, and the worker do what it can meanwhile."""
        self.queue += attempts(self.desk.put(*messages))
        reports: list[DeliveryMessage] = []
        able = self.speed * ROUND_MS // 1_000
        while self.queue and able:
            attempt = self.queue.popleft()
            delay = self.desk.now - attempt.at
            result = "unsent" if delay > attempt.begin_within_ms else "delivered"
            if result == "delivered":
                able -= 1
                self.told[attempt.delivery_id] += 1
                self.longest = max(self.longest, delay)
            reports.append(self.desk.outcome(attempt, result, delivery_id=attempt.delivery_id))  # type: ignore[arg-type]
        self.desk.now += ROUND_MS
        self.queue += attempts(self.desk.put(*reports, self.desk.tick()))


def _busy(subscriptions: int, tenants: int = 1, limits: DeliveryLimits = LIMITS) -> tuple[Desk, list[str]]:
    desk = Desk(limits)
    names = [f"s{number:03}" for number in range(subscriptions)]
    desk.put(*(Configured(rule=a_rule(subscription=name, tenant=f"t{n % tenants}"), at=desk.now) for n, name in enumerate(names)))
    return desk, names


def _run(speed: int, offered: int, seconds: int) -> Worker:
    """Offer notifications to 500 subscriptions in turn, so many a second; return the worker."""
    desk, names = _busy(500)
    worker = Worker(desk, speed)
    serial = 0
    for _ in range(seconds * 1_000 // ROUND_MS):
        notifications = []
        for _ in range(offered * ROUND_MS // 1_000):
            notifications.append(desk.notification(f"e{serial}", subscriptions=(names[serial % 500],)))
            serial += 1
        worker.round(*notifications)
    return worker


def test_five_hundred_busy_subscriptions_at_twice_a_workers_speed_are_told_at_its_speed_and_nothing_twice() -> None:
    speed = 50
    at_speed, beyond = _run(speed, speed, seconds=30), _run(speed, 2 * speed, seconds=30)
    assert len(beyond.told) >= 0.9 * len(at_speed.told) > 0.8 * 30 * speed
    assert set(beyond.told.values()) == {1}
    assert beyond.longest <= LIMITS.begin_ms


def test_a_worker_that_becomes_ten_times_slower_is_told_less_and_sends_nothing_twice() -> None:
    desk, names = _busy(100)
    worker = Worker(desk, 200)
    for second in range(45):
        worker.speed, offered = (200, 25) if second < 15 else (20, 4)
        for _ in range(10):
            worker.round(*(desk.notification(f"e{desk.offset}", subscriptions=(names[(desk.offset + n) % 100],)) for n in range(offered)))
    assert set(worker.told.values()) == {1}
    assert len(worker.queue) <= 20 * LIMITS.begin_ms // SECOND


def test_without_any_worker_little_is_handed_out_again_and_all_of_it_when_one_comes() -> None:
    desk, names = _busy(300)
    desk.put(*(desk.notification(f"e{name}", subscriptions=(name,)) for name in names))
    assert len(desk.handed) == desk.limits.under_way
    for _ in range(3):
        desk.wait(LEASE)
    assert len(desk.handed) - desk.limits.under_way <= 3 * desk.limits.under_way_least
    worker = Worker(desk, 400)
    worker.queue += desk.handed
    for _ in range(60):
        worker.round()
    assert len(worker.told) == len(names)
    assert set(worker.told.values()) == {1}


def test_a_tenant_with_few_subscriptions_is_told_as_soon_as_one_with_many() -> None:
    desk, names = _busy(400, limits=DeliveryLimits(under_way=20, under_way_most=20, window_start=16))
    desk.put(Configured(rule=a_rule(subscription="alone", tenant="other"), at=desk.now))
    first = attempts(desk.put(*(desk.notification(f"e{name}", subscriptions=(name,)) for name in names)))
    assert len(first) == 20
    assert attempts(desk.put(desk.notification("mine", subscriptions=("alone",)))) == []
    work = desk.report(first[0]) + desk.report(first[1])
    assert "alone" in [one.subscription for one in work]


def test_of_one_tenant_every_subscription_has_its_turn() -> None:
    desk, names = _busy(10, limits=DeliveryLimits(under_way=20, under_way_most=20, window_start=16))
    notifications = [desk.notification(f"{name}-{n}", subscriptions=(name,)) for name in names for n in range(10)]
    assert Counter(one.subscription for one in attempts(desk.put(*notifications))) == dict.fromkeys(names, 2)


def test_a_test_waits_for_nobody() -> None:
    desk, _ = _busy(1, limits=DeliveryLimits(under_way=1, under_way_least=1))
    name = "s000"
    assert len(attempts(desk.put(*(desk.notification(e, subscriptions=(name,)) for e in "ab")))) == 1
    (test,) = attempts(desk.put(desk.notification("t", what="test", record=b"", subscriptions=(name,))))
    assert test.what == "test"


def test_what_queues_up_and_is_paused_deleted_or_held_is_passed_over() -> None:
    desk, names = _busy(4, limits=DeliveryLimits(under_way=1, under_way_least=1, under_way_most=1))
    (first,) = attempts(desk.put(*(desk.notification("e", subscriptions=(name,)) for name in names)))
    queued = [name for name in names if name != first.subscription]
    desk.put(Configured(rule=a_rule(2, queued[0], tenant="t0", state="paused"), at=desk.now))
    desk.put(Configured(rule=a_rule(2, queued[1], tenant="t0", gone=True), at=desk.now))
    (second,) = desk.report(first)
    assert second.subscription == queued[2]
    assert desk.report(second) == []
    assert len(attempts(desk.put(Configured(rule=a_rule(3, queued[0], tenant="t0"), at=desk.now)))) == 1


def test_who_queued_up_before_a_restart_does_so_after_it() -> None:
    desk, names = _busy(300)
    desk.put(*(desk.notification("e", subscriptions=(name,)) for name in names))
    desk.restart()
    assert len(desk.report(desk.handed[0])) in {1, 2}  # one more than came back, where the bound grew


def test_the_bound_follows_what_is_reported_back() -> None:
    limits = DeliveryLimits(under_way_least=2, under_way_most=12)
    assert sharing.after_report(10, 10, 0, limits) == 11
    assert sharing.after_report(12, 12, 0, limits) == 12
    assert sharing.after_report(10, 4, 0, limits) == 10  # idle time teaches nothing
    assert sharing.after_report(10, 10, 7 * SECOND, limits) == 10
    assert sharing.after_report(10, 10, 11 * SECOND, limits) == 9
    assert sharing.after_report(10, 5, 11 * SECOND, limits) == 4
    assert sharing.after_loss(2, 2, limits) == 2
    until = MINUTE + limits.lease_ms
    assert sharing.waited_ms(until, took_ms=4 * SECOND, now=MINUTE + 10 * SECOND, limits=limits) == 6 * SECOND


def test_turns_go_round_tenants_and_then_their_subscriptions() -> None:
    turns = Turns()
    for tenant, name in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("a", "a1")):
        turns.put(tenant, name)
    other = turns.copy()
    assert [turns.next() for _ in range(6)] == ["a1", "b1", "a2", "b1", "a3", "b1"]
    turns.drop("b1")
    turns.drop("unknown")
    assert [turns.next() for _ in range(3)] == ["a1", "a2", "a3"]
    assert (len(turns), len(other)) == (3, 4)
    for name in ("a1", "a2", "a3"):
        turns.drop(name)
    assert turns.next() is None
