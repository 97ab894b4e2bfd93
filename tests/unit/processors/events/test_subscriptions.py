"""Subscriptions in the main processor: from which record on a rule holds, what is told, and to which partition it goes."""

from typing import Any

import msgspec
import pytest

from causeline.processors.events.subscription_lane import MAX_LISTED
from causeline.processors.events.subscription_rules import KEPT_GONE_MS
from causeline.processors.runtime.ports import Input
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import Configured, Notification, Tick
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import DELIVERIES
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests.partition_log import (
    DAY,
    MINUTE,
    SECOND,
    T0,
    Outputs,
    Partition,
    create,
    decoded,
    delete,
    event,
    notify,
    patch,
    push,
    rule,
    snapshot,
    subscribe,
    tick,
    uuid,
)


def told(outputs: Outputs) -> list[tuple[str, str, int]]:
    """Return what was told to whom: (subscription, entity, version), in order."""
    return [
        (own, notification.entity, notification.version) for _, notification in outputs.notifications for own in notification.subscriptions
    ]


def test_a_rule_holds_for_the_records_behind_it() -> None:
    partition = Partition()
    outputs = partition.feed(create(event(1), T0), subscribe(rule(500), T0), create(event(2), T0), create(event(3), T0))
    assert told(outputs) == [(uuid(500), uuid(2), 1), (uuid(500), uuid(3), 1)]
    assert told(partition.feed(create(event(4), T0))) == [(uuid(500), uuid(4), 1)]


def test_a_changed_rule_holds_instead_of_the_old_one_from_its_place_on() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, 1, services=("cart",)), T0))
    changed = subscribe(rule(500, 2, services=("checkout",)), T0)
    outputs = partition.feed(create(event(1, service="cart"), T0), changed, create(event(2, service="cart"), T0))
    assert told(outputs) == [(uuid(500), uuid(1), 1)]
    assert told(partition.feed(create(event(3, service="checkout"), T0))) == [(uuid(500), uuid(3), 1)]


def test_an_older_or_known_revision_changes_nothing() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, 2, services=("cart",)), T0))
    before = snapshot(partition.logic)
    step = partition.logic.fold(partition.inputs([subscribe(rule(500, 1), T0), subscribe(rule(500, 2), T0)]))
    assert step.changes == {}
    partition.commit(step)
    assert snapshot(partition.logic) == before


def test_a_deleted_rule_tells_nothing_and_is_not_revived_by_an_older_revision() -> None:
    partition = Partition()
    outputs = partition.feed(subscribe(rule(500, 1), T0), subscribe(rule(500, 2, gone=True), T0), create(event(1), T0))
    assert told(outputs) == []
    assert told(partition.feed(subscribe(rule(500, 1), T0 + DAY), create(event(2), T0 + DAY))) == []
    partition.logic = partition.restore()
    assert told(partition.feed(subscribe(rule(500, 1), T0 + DAY), create(event(3), T0 + DAY))) == []
    assert told(partition.feed(subscribe(rule(500, 3), T0 + DAY), create(event(4), T0 + DAY))) == [(uuid(500), uuid(4), 1)]


def test_a_deleted_rule_that_never_was_known_is_remembered_too() -> None:
    partition = Partition()
    outputs = partition.feed(subscribe(rule(500, 2, gone=True), T0), subscribe(rule(500, 1), T0), create(event(1), T0))
    assert told(outputs) == []


def test_that_a_rule_is_gone_is_forgotten_when_the_log_cannot_hold_an_older_revision() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, 2, gone=True), T0))
    partition.feed(tick(T0 + KEPT_GONE_MS - 1))
    assert len(partition.logic._committed.rules) == 1
    assert partition.restore().fold(partition.inputs([tick(T0 + KEPT_GONE_MS)])).changes[b"s" + uuid(500).encode()] is None
    partition.feed(tick(T0 + KEPT_GONE_MS))
    assert len(partition.logic._committed.rules) == 0


def test_a_rule_that_came_back_is_not_forgotten() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, 2, gone=True), T0), subscribe(rule(500, 3), T0))
    outputs = partition.feed(tick(T0 + KEPT_GONE_MS), create(event(1), T0 + KEPT_GONE_MS))
    assert told(outputs) == [(uuid(500), uuid(1), 1)]


def test_a_round_that_is_not_committed_leaves_no_trace() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, services=("cart",)), T0))
    before = snapshot(partition.logic)
    lost_records = [subscribe(rule(500, 2, gone=True), T0), subscribe(rule(501), T0), create(event(1, service="cart"), T0)]
    step = partition.logic.fold(partition.inputs(lost_records))
    assert told(decoded(step.out)) == [(uuid(501), uuid(1), 1)]
    assert snapshot(partition.logic) == before
    assert told(partition.feed(create(event(2, service="cart"), T0))) == [(uuid(500), uuid(2), 1)]


def test_a_new_owner_knows_the_rules() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, kinds=("deployment",)), T0), subscribe(rule(501, kinds=("drift",)), T0))
    partition.logic = partition.restore()
    assert told(partition.feed(create(event(1), T0))) == [(uuid(500), uuid(1), 1)]


def test_one_record_for_each_partition_lists_its_subscriptions() -> None:
    partition = Partition(partitions=4)
    rules = [rule(500 + number) for number in range(40)]
    partition.feed(*(subscribe(each, T0) for each in rules))
    outputs = partition.feed(create(event(1), T0))
    assert sorted(place for place, _ in outputs.notifications if place is not None) == [0, 1, 2, 3]
    for place, notification in outputs.notifications:
        assert all(partition_of(own.encode(), 4) == place for own in notification.subscriptions)
    assert sorted(own for own, _, _ in told(outputs)) == [each.id for each in rules]


def test_a_new_revision_is_forwarded_by_every_partition_ahead_of_what_it_matches_there() -> None:
    for number in range(4):
        partition = Partition(number=number)
        for new_rule in (rule(500), rule(500, 2), rule(500, 3)):
            own = partition_of(new_rule.id.encode(), 4)
            outputs = partition.feed(subscribe(new_rule, T0), create(event(new_rule.revision), T0))
            assert outputs.configurations == [(own, Configured(rule=new_rule, at=T0))]
            assert [place for place, _ in outputs.notifications] == [own]
            messages = [delivery_work.decode_message(one.value or b"") for one in partition.out if one.topic == DELIVERIES]
            assert [type(one) for one in messages[-2:]] == [Configured, Notification]


def test_a_known_revision_is_forwarded_by_the_partition_of_its_subscription_alone() -> None:
    new_rule = rule(500)
    own = partition_of(new_rule.id.encode(), 4)
    for number in range(4):
        partition = Partition(number=number)
        partition.feed(subscribe(new_rule, T0))
        outputs = partition.feed(subscribe(new_rule, T0))
        assert outputs.configurations == ([(own, Configured(rule=new_rule, at=T0))] if number == own else [])


def test_a_known_revision_is_forwarded_again_and_an_older_one_is_not() -> None:
    partition = Partition(number=0, partitions=1)
    new, deleted = rule(500, 2), rule(500, 3, gone=True)
    assert [notification.rule for _, notification in partition.feed(subscribe(new, T0), subscribe(new, T0)).configurations] == [new, new]
    assert partition.feed(subscribe(rule(500, 1), T0)).configurations == []
    assert [notification.rule for _, notification in partition.feed(subscribe(deleted, T0)).configurations] == [deleted]


def test_a_notification_carries_the_bytes_that_were_published_and_both_times() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500), T0 + MINUTE))
    outputs = partition.feed(create(event(1), T0 + SECOND))
    ((_, notification),) = outputs.notifications
    assert (notification.what, notification.received, notification.at) == ("event", T0 + SECOND, T0 + MINUTE)
    assert codec.decode_record(notification.record, Event) == outputs.events[0]


@pytest.mark.parametrize("envelope", [{}, {"dedup_key": uuid(70), "fingerprint": 1}, {"signal": "open"}], ids=["plain", "keyed", "signal"])
def test_every_create_is_told_and_its_repeat_is_not(envelope: dict[str, Any]) -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, followed=("events",)), T0))
    record = create(event(1, kind="incident"), T0, **envelope)
    assert told(partition.feed(record)) == [(uuid(500), uuid(1), 1)]
    assert (told(partition.feed(record)) == []) is ("dedup_key" in envelope)


def test_changes_and_deletes_are_told_and_the_place_that_a_move_left_is_not() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500), T0))
    outputs = partition.feed(patch(event(1), T0 + SECOND, {"title": "new", "ts": T0 + 5}))
    assert [
        (notification.version, codec.decode_record(notification.record, Event).is_deleted) for _, notification in outputs.notifications
    ] == [(2, False)]
    assert outputs.notifications[0][1].received == T0 + SECOND
    outputs = partition.feed(delete(event(1, version=2, ts=T0 + 5), T0 + MINUTE))
    assert [
        (notification.version, codec.decode_record(notification.record, Event).is_deleted) for _, notification in outputs.notifications
    ] == [(3, True)]


def test_every_move_of_a_problem_is_told_and_a_timeout_by_its_own_time() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, followed=("problems",)), T0))
    opened = partition.feed(push(1, T0, timeout_ms=MINUTE))
    ended = partition.feed(tick(T0 + 5 * MINUTE))
    assert [notification.what for _, notification in opened.notifications + ended.notifications] == ["problem", "problem"]
    problems = [codec.decode_record(notification.record, Problem) for _, notification in opened.notifications + ended.notifications]
    assert problems == opened.problems + ended.problems
    assert [problem.transition for problem in problems] == ["opened", "timed_out"]
    assert [notification.received for _, notification in opened.notifications + ended.notifications] == [T0, T0 + MINUTE]


def test_the_event_that_lives_with_a_problem_is_told_with_each_version() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, followed=("events",), dialects=("desk",)), T0))
    assert told(partition.feed(push(1, T0, timeout_ms=MINUTE))) == [(uuid(500), uuid(1), 1)]
    assert told(partition.feed(tick(T0 + 5 * MINUTE))) == [(uuid(500), uuid(1), 2)]


def test_refreshes_are_told_to_who_names_them() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500, followed=("problems",)), T0))
    partition.feed(subscribe(rule(501, followed=("problems",), transitions=("refreshed",)), T0))
    outputs = partition.feed(push(1, T0), push(2, T0 + MINUTE))
    assert told(outputs) == [(uuid(500), uuid(1), 1), (uuid(501), uuid(1), 2)]


def test_a_restricted_event_is_told_to_who_shares_a_group() -> None:
    partition = Partition()
    partition.feed(*(subscribe(rule(500 + n, groups=groups), T0) for n, groups in enumerate([None, (), ("ops",)])))
    assert told(partition.feed(create(event(1, allowed_groups=["ops"]), T0))) == [(uuid(500), uuid(1), 1), (uuid(502), uuid(1), 1)]


def test_an_event_that_cannot_be_read_is_passed_on_and_told_to_nobody() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500), T0))
    whole = create(event(1), T0)
    step = partition.logic.fold(partition.inputs([msgspec.structs.replace(whole, event=whole.event[:20])]))
    assert [(out.topic, out.value) for out in step.out] == [("causeline.events", whole.event[:20])]


def test_a_record_that_is_too_large_is_told_to_nobody() -> None:
    partition = Partition()
    partition.feed(subscribe(rule(500), T0))
    outputs = partition.feed(create(event(1, text="x" * (9 << 20)), T0))
    assert ([letter.reason for letter in outputs.letters], outputs.notifications, outputs.events) == (["too_large"], [], [])


def test_what_is_notified_goes_to_its_subscriptions_unmatched() -> None:
    partition = Partition(partitions=2)
    subscriptions = tuple(uuid(500 + number) for number in range(1_500))
    notification = Notification(subscriptions=subscriptions, what="test", entity="probe", version=1, received=T0, at=0, delivery_id="msg_1")
    outputs = partition.feed(notify(notification, T0 + SECOND))
    assert sorted(own for own, _, _ in told(outputs)) == sorted(subscriptions)
    for place, one in outputs.notifications:
        assert len(one.subscriptions) <= MAX_LISTED
        assert {partition_of(own.encode(), 2) for own in one.subscriptions} == {place}
        assert (one.what, one.entity, one.received, one.at, one.delivery_id) == ("test", "probe", T0, T0 + SECOND, "msg_1")


def _broken() -> list[tuple[str, IngestRecord]]:
    good = subscribe(rule(500), T0)
    return [
        ("no JSON", msgspec.structs.replace(good, patch="{")),
        ("no rule", msgspec.structs.replace(good, patch="{}")),
        ("another tenant's", msgspec.structs.replace(good, tenant="other")),
        ("another subscription's", msgspec.structs.replace(good, id=uuid(501))),
        ("no revision", subscribe(rule(500, 0), T0)),
        ("no message", IngestRecord(op="notify", tenant="acme", id="x", ingest_ts=T0, event=b"\xc1")),
        (
            "no notification",
            IngestRecord(op="notify", tenant="acme", id="x", ingest_ts=T0, event=delivery_work.encode_delivery_work(Tick(at=1))),
        ),
    ]


@pytest.mark.parametrize("record", [record for _, record in _broken()], ids=[name for name, _ in _broken()])
def test_what_is_no_rule_and_no_notification_is_set_aside(record: IngestRecord) -> None:
    partition = Partition()
    outputs = partition.feed(record, create(event(1), T0))
    assert [letter.reason for letter in outputs.letters] == ["undecodable"]
    assert (outputs.notifications, outputs.configurations, len(partition.logic._committed.rules)) == ([], [], 0)


def test_another_tenants_rules_leave_the_bytes_of_an_event_unread() -> None:
    partition = Partition()
    partition.feed(subscribe(msgspec.structs.replace(rule(500), tenant="other"), T0))
    step = partition.logic.fold([Input(3, 9, b"k", codec.encode_record(create(event(1), T0)))])
    assert [out.topic for out in step.out] == ["causeline.events"]
