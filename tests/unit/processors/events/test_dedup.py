import struct

import pytest

from causeline.processors.events.dedup import ContentWindow, Dedup, DedupView, content_key
from causeline.processors.events.settings import ProcessorSettings
from causeline.processors.events.state import DEDUP
from tests.partition_log import HOUR, MINUTE, SECOND, T0, Partition, create, decoded, delete, event, patch, push, snapshot, tick, uuid

KEY = uuid(77)
END_OF_BUCKET = T0 - T0 % MINUTE + MINUTE


def keyed(number: int, at: int, fingerprint: int = 5, key: str = KEY) -> object:
    return create(event(number, ts=at), at, dedup_key=key, fingerprint=fingerprint)


def test_a_repeat_with_the_same_content_is_dropped() -> None:
    partition = Partition()
    first = create(event(1), T0, dedup_key=KEY, fingerprint=5)
    assert len(partition.feed(first).events) == 1
    assert partition.feed(create(event(1), T0 + SECOND, dedup_key=KEY, fingerprint=5)).events == []


def test_a_repeat_within_the_same_round_is_dropped() -> None:
    records = [create(event(1), T0, dedup_key=KEY, fingerprint=5)] * 3
    assert len(Partition().feed(*records).events) == 1


def test_the_same_key_with_other_content_is_set_aside_and_the_first_wins() -> None:
    partition = Partition()
    first = create(event(1), T0, dedup_key=KEY, fingerprint=5)
    other = create(event(1, title="other"), T0 + 1, dedup_key=KEY, fingerprint=6)
    outputs = partition.feed(first, other, first)
    assert [e.title for e in outputs.events] == ["t"]
    assert [letter.reason for letter in outputs.letters] == ["idempotency_conflict"]


@pytest.mark.parametrize(
    ("at", "events", "why"),
    [
        (T0 + HOUR, 0, "exactly the window later it is still known"),
        (END_OF_BUCKET + HOUR - 1, 0, "its bucket is forgotten as a whole, at the bucket's end plus the window"),
        (END_OF_BUCKET + HOUR, 1, "then it is new"),
        (T0 - HOUR, 0, "a clock that steps back forgets nothing"),
    ],
)
def test_a_key_is_known_for_its_window(at: int, events: int, why: str) -> None:
    partition = Partition()
    partition.feed(create(event(1), T0, dedup_key=KEY, fingerprint=5))
    assert len(partition.feed(create(event(2), at, dedup_key=KEY, fingerprint=5)).events) == events, why


def test_a_key_that_was_forgotten_is_known_again_once_it_came_again() -> None:
    partition = Partition()
    later = END_OF_BUCKET + HOUR
    again = create(event(2), later, dedup_key=KEY, fingerprint=6)
    outputs = partition.feed(create(event(1), T0, dedup_key=KEY, fingerprint=5), again, again)
    assert len(outputs.events) == 2
    assert snapshot(partition.restore()) == snapshot(partition.logic)


@pytest.mark.parametrize("step_ms", [0, 2 * HOUR], ids=["within the window", "past the window"])
def test_forgetting_and_seeing_again_in_one_round_equals_two_rounds(step_ms: int) -> None:
    records = [create(event(n), T0 + n * step_ms, dedup_key=uuid(70 + n % 2), fingerprint=5) for n in range(5)]
    at_once, one_by_one = Partition(), Partition()
    at_once.feed(*records)
    for record in records:
        one_by_one.feed(record)
    assert at_once.out == one_by_one.out
    assert snapshot(at_once.logic) == snapshot(one_by_one.logic) == snapshot(at_once.restore()) == snapshot(one_by_one.restore())


def test_every_writing_op_is_deduplicated() -> None:
    base = event(1)
    records = [
        patch(base, T0, {"title": "new"}, dedup_key=uuid(71), fingerprint=1),
        delete(event(2), T0, dedup_key=uuid(72), fingerprint=1),
        push(3, T0, dedup_key=uuid(73), fingerprint=1),
    ]
    partition = Partition(number=0, partitions=1)  # all keys are here
    assert [len(partition.feed(record).events) for record in records] == [1, 1, 1]
    assert [partition.feed(record) for record in records] == [decoded([])] * 3


def test_a_key_that_is_no_uuid_is_set_aside() -> None:
    for key in ("x" * 36, "1" * 32, "-" * 36, "é" * 36, "+" + "1" * 35):
        outputs = Partition().feed(create(event(1), T0, dedup_key=key, fingerprint=1))
        assert [letter.reason for letter in outputs.letters] == ["undecodable"], key
        assert outputs.events == []


def test_the_changelog_gets_one_record_for_all_keys_of_a_round_and_tombstones_when_they_are_forgotten() -> None:
    partition = Partition()
    partition.feed(*[create(event(n), T0, dedup_key=uuid(n), fingerprint=n) for n in range(1, 101)])
    partition.feed(create(event(101), T0, dedup_key=uuid(101), fingerprint=1))
    segments = [(key, value) for key, value in partition.changelog if key[:1] == b"d"]
    assert [len(value or b"") for _, value in segments] == [100 * 24, 24]
    assert len({key for key, _ in segments}) == 2
    partition.feed(tick(END_OF_BUCKET + HOUR))
    assert [(key, None) for key, _ in segments] == [(key, value) for key, value in partition.changelog if key[:1] == b"d"][2:]
    assert len(partition.logic._committed.dedup) == 0


def test_a_round_leaves_the_committed_keys_alone() -> None:
    dedup = Dedup(HOUR)
    view = DedupView(dedup, lambda _at, _key: None)
    assert view.check(1, 5, T0) == "new"
    assert len(dedup) == 0
    assert DedupView(dedup, lambda _at, _key: None).check(1, 5, T0) == "new"


CONTENT = ProcessorSettings(content_windows={"cto_ai": ContentWindow(fields=("team", "title"), window_ms=MINUTE)})


@pytest.mark.parametrize(
    ("columns", "at", "events", "why"),
    [
        ({}, T0 + 1, 0, "the same named fields in the same window"),
        ({"text": "other"}, T0 + 1, 0, "a field that is not named does not count"),
        ({"title": "other"}, T0 + 1, 1, "a named field differs"),
        ({"dialect": "tracker"}, T0 + 1, 1, "no window was asked for in this dialect"),
        ({}, END_OF_BUCKET, 1, "the window tumbled"),
    ],
)
def test_content_windows_drop_what_agrees_in_the_named_fields(columns: dict[str, str], at: int, events: int, why: str) -> None:
    partition = Partition(CONTENT)
    plain = {"dialect": "cto_ai", "team": "a", "title": "b"}
    assert len(partition.feed(create(event(1, **plain), T0)).events) == 1
    assert len(partition.feed(create(event(2, **plain | columns), at)).events) == events, why


def test_content_is_not_compared_unless_asked_for() -> None:
    partition = Partition()
    assert len(partition.feed(create(event(1), T0), create(event(2), T0)).events) == 2


def test_values_do_not_run_into_each_other() -> None:
    rule = ContentWindow(fields=("team", "title"), window_ms=MINUTE)
    assert content_key(event(1, team="ab", title="c"), rule, T0) != content_key(event(1, team="a", title="bc"), rule, T0)


def test_a_content_window_longer_than_the_keys_are_known_is_refused() -> None:
    with pytest.raises(ValueError, match="content window of cto_ai"):
        Partition(ProcessorSettings(content_windows={"cto_ai": ContentWindow(fields=("title",), window_ms=HOUR + 1)}))


def test_a_key_that_a_damaged_changelog_holds_in_two_buckets_is_forgotten_with_the_first_and_ends_nothing() -> None:
    segments = [(key, value) for at in (T0, T0 + 2 * MINUTE) for key, value in _segments(at)]
    dedup = Dedup(HOUR)
    for key, value in (*segments, *segments):
        dedup.restore(key, value)
    assert len(dedup.buckets) == 2
    for key, _ in segments:
        dedup.restore(key, None)
    assert (len(dedup), dedup.buckets) == (0, {})


def test_a_segment_that_cannot_be_read_leaves_no_bucket_without_a_timer() -> None:
    dedup = Dedup(HOUR)
    ((key, value),) = _segments(T0)
    with pytest.raises(struct.error):
        dedup.restore(key, value[:-1])
    assert dedup.buckets == {}
    assert dedup.restore(key, value) is not None


def _segments(at: int) -> list[tuple[bytes, bytes]]:
    partition = Partition()
    partition.feed(create(event(1), at, dedup_key=KEY, fingerprint=5))
    return [(key, value) for key, value in partition.changelog if key[:1] == DEDUP and value is not None]
