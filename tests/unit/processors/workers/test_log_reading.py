import msgspec
import pytest

from causeline.processors.workers.log_reading import OVERLAP_MS, ScanStep, cursor_text, from_before, positions_of
from causeline.schemas.records.delivery_work import MAX_FOUND, MAX_FOUND_BYTES, Notification
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.wire import codec
from tests.delivery_state import T0, event
from tests.unit.processors.workers.samples import problem

RULE = Rule(id="sub", tenant="t", revision=1, created_at=T0 + 100, start_from=T0)
NOTE = Notification(subscriptions=("sub",), what="event", entity="e", version=1, record=b"x", received=T0, at=T0)


@pytest.mark.parametrize(("offset", "is_taken"), [(-1, False), (0, True), (99, True), (99 + OVERLAP_MS, True), (100 + OVERLAP_MS, False)])
def test_the_past_of_a_subscription_ends_a_little_after_it_was_made(offset: int, is_taken: bool) -> None:  # noqa: FBT001
    notification = from_before(_framed(offset), Event, RULE, T0 + 500)
    assert (notification is not None) == is_taken
    if notification is not None:
        assert (notification.subscriptions, notification.what, notification.received, notification.at) == (
            ("sub",),
            "event",
            T0 + offset,
            T0 + 500,
        )


def _framed(offset: int) -> bytes:
    return codec.encode_record(msgspec.structs.replace(event(1), updated_ts=T0 + offset))


def test_only_what_matches_is_told_of_the_past() -> None:
    rule = msgspec.structs.replace(RULE, where=Filter(followed=("problems",)))
    assert from_before(codec.encode_record(event(1)), Event, rule, T0) is None
    assert from_before(codec.encode_record(problem("opened")), Problem, rule, T0) is not None
    assert from_before(b"\x00", Event, rule, T0) is None


def test_a_step_ends_when_its_report_is_full_or_enough_was_looked_at() -> None:
    by_count, by_bytes, by_scanned = ScanStep(10_000), ScanStep(10_000), ScanStep(3)
    for _ in range(MAX_FOUND):
        assert not by_count.full()
        by_count.take(NOTE)
    assert by_count.full()
    assert by_bytes.take(msgspec.structs.replace(NOTE, record=b"x" * (MAX_FOUND_BYTES - 1)))
    assert not by_bytes.full()
    assert not by_bytes.take(msgspec.structs.replace(NOTE, record=b"xx"))
    assert by_bytes.full()
    assert len(by_bytes.notifications) == 1
    alone = ScanStep(10_000)
    assert alone.take(msgspec.structs.replace(NOTE, record=b"x" * (MAX_FOUND_BYTES + 1)))
    for _ in range(3):
        assert not by_scanned.full()
        by_scanned.take(None)
    assert by_scanned.full()


def test_a_cursor_comes_back_as_it_was() -> None:
    places = {"causeline.events": {0: 5, 1: 0}, "causeline.problems": {0: 7}}
    assert positions_of(cursor_text(places)) == places
