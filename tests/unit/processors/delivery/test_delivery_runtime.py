"""Deliveries on real Runners over the in-memory broker: processes die and are restarted, and every notification is delivered in order."""

from causeline.processors.adapters.memory.broker import CrashPoint
from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.logic import DeliveryLogic
from causeline.processors.runtime.partition import Pace
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import Attempt, AttemptOutcome, Configured, DeliveryMessage, Notification
from causeline.schemas.topics import DELIVERIES_DUE, DELIVERIES_LOG
from causeline.schemas.wire import codec
from tests.unit.processors.delivery.delivery_desk import S, a_rule
from tests.unit.processors.runtime.simulation import CHANGELOG, Fleet

_STEPS: tuple[CrashPoint, ...] = ("begun", "sent", "offsets", "committed", "fetched", "ticked")


def _fleet() -> Fleet:
    return Fleet(lambda partition: DeliveryLogic(partition, 1, DeliveryLimits()), partitions=1, pace=Pace(max_records=3))


async def _produce(fleet: Fleet, message: DeliveryMessage) -> None:
    await fleet.produce(0, S.encode(), delivery_work.encode_delivery_work(message))


def _due(fleet: Fleet) -> list[Attempt]:
    work = [delivery_work.decode_work(value) for _, value in fleet.read(DELIVERIES_DUE, 0) if value]
    return [one for one in work if isinstance(one, Attempt)]


def _ended(fleet: Fleet) -> list[tuple[str, int]]:
    log = [codec.decode_record(value, Delivery) for _, value in fleet.read(DELIVERIES_LOG, 0) if value]
    return [(one.entity, one.version) for one in log if one.outcome == "delivered"]


async def _deliver(fleet: Fleet, count: int) -> int:
    """Report everything that was handed out since; return how much that is by now."""
    due = _due(fleet)
    for one in due[count:]:
        at = fleet.clock.now_ms()
        await _produce(fleet, AttemptOutcome(subscription=S, seq=one.seq, attempt=one.attempt, result="delivered", status=200, at=at))
    return len(due)


async def _notify(fleet: Fleet, entity: str, version: int) -> None:
    at = fleet.clock.now_ms()
    await _produce(fleet, Notification(subscriptions=(S,), what="event", entity=entity, version=version, received=at, at=at))


async def test_every_notification_is_delivered_in_order_although_processes_die_at_every_step() -> None:
    fleet = _fleet()
    worker = await fleet.add()
    await _produce(fleet, Configured(rule=a_rule(), at=fleet.clock.now_ms()))
    count = 0
    for number, step in enumerate(_STEPS * 2):
        worker.faults.kill_at(step)
        for entity in ("a", "b"):
            await _notify(fleet, entity, number)
        await fleet.pass_time(1_200)
        await fleet.bury()
        worker = await fleet.add()
        await fleet.pass_time(11_000)  # what the dead one left open has ended
        count = await _deliver(fleet, count)
    for _ in range(30):
        await fleet.pass_time(200)
        count = await _deliver(fleet, count)
    ended = _ended(fleet)
    for entity in ("a", "b"):
        assert [version for of, version in ended if of == entity] == list(range(len(_STEPS) * 2))
    await fleet.stop()


async def test_time_that_passes_hands_out_again_what_is_not_reported() -> None:
    fleet = _fleet()
    await fleet.add()
    await _produce(fleet, Configured(rule=a_rule(), at=fleet.clock.now_ms()))
    await _notify(fleet, "a", 1)
    for _ in range(80):
        await fleet.pass_time(1_100)
    assert [one.attempt for one in _due(fleet)] == [1, 2]
    await fleet.stop()


async def test_a_lost_changelog_is_made_anew_and_delivers_what_waits_once_more() -> None:
    fleet = _fleet()
    await fleet.add()
    await _produce(fleet, Configured(rule=a_rule(), at=fleet.clock.now_ms()))
    await _notify(fleet, "a", 1)
    count = await _deliver(fleet, 0)
    await _notify(fleet, "a", 2)
    await fleet.lose(CHANGELOG, 0, "changelog_empty")
    for _ in range(100):
        await fleet.pass_time(1_100)
        count = await _deliver(fleet, count)
    assert _ended(fleet) == [("a", 1), ("a", 2)]
    await fleet.stop()
