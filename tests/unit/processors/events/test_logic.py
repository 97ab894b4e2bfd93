import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from causeline.processors.events.set_aside import MAX_OUTPUT_BYTES
from causeline.processors.runtime.ports import Input, Output
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import EVENTS, all_topics
from causeline.schemas.wire import codec
from tests.partition_log import HOUR, MINUTE, SECOND, T0, Partition, create, decoded, event, patch, push, snapshot, tick, uuid


def test_a_plain_create_is_passed_on_as_the_bytes_that_came() -> None:
    record = create(event(1), T0)
    step = Partition().logic.fold(Partition().inputs([record]))
    assert step.out == [Output(EVENTS, uuid(1).encode(), record.event)]


@pytest.mark.parametrize(
    ("value", "reason", "why"),
    [
        (b"", "undecodable", "no frame"),
        (b"\x00\x00\x00\x00\x63rest", "undecodable", "a schema id that nobody knows"),
        (codec.encode_record(event(1)), "undecodable", "a framed record of another kind"),
        (codec.encode_record(create(event(1), T0))[:-3], "undecodable", "cut off"),
        (codec.encode_record(msgspec.structs.replace(create(event(1), T0), op="explode")), "unknown_op", "an op of a later version"),
        (codec.encode_record(msgspec.structs.replace(create(event(1), T0), signal="maybe")), "undecodable", "a signal of a later version"),
        (codec.encode_record(msgspec.structs.replace(create(event(1), T0), event=b"")), "undecodable", "a create without an event"),
        (
            codec.encode_record(msgspec.structs.replace(create(event(1), T0), event=b"\x00\x00\x00\x00\x02")),
            "undecodable",
            "its event is none",
        ),
        (codec.encode_record(msgspec.structs.replace(push(1, T0), event=b"\x00")), "undecodable", "a push without an event"),
    ],
)
def test_what_cannot_be_processed_is_set_aside_and_stops_nothing(value: bytes, reason: str, why: str) -> None:
    partition = Partition()
    outputs = partition.feed(create(event(1), T0), value, create(event(2), T0))
    (letter,) = outputs.letters
    assert (letter.reason, letter.value, letter.key, letter.topic) == (reason, value, b"raw", "causeline.ingest"), why
    assert (letter.partition, letter.offset, letter.at) == (3, 1, T0)
    assert letter.detail
    assert [e.id for e in outputs.events] == [uuid(1), uuid(2)]


def test_an_operator_finds_by_id_what_was_set_aside_and_which_problem_moved() -> None:
    partition = Partition()
    with capture_logs() as lines:
        partition.feed(push(1, T0), push(1, T0 + SECOND), b"damaged")
    pairs = [(line["event"], line.get("transition") or line.get("reason")) for line in lines]
    assert pairs == [("record_set_aside", "undecodable"), ("problem_moved", "opened")]
    assert lines[0]["offset"] == 2
    assert lines[1]["problem_id"] == lines[1]["event_id"] == lines[1]["cause"]


def test_a_flood_is_told_in_few_lines_and_counted_in_full() -> None:
    with capture_logs() as lines:
        outputs = Partition().feed(*[b"damaged"] * 100)
    assert len(outputs.letters) == 100
    assert len(lines) == 21
    assert (lines[-1]["event"], lines[-1]["records"]) == ("more_of_the_same", 80)


@given(st.lists(st.binary(max_size=80)), st.integers(0, 200), st.binary(max_size=4))
def test_no_bytes_stop_a_partition(values: list[bytes], at: int, damage: bytes) -> None:
    frame = codec.encode_record(push(1, T0))
    partition = Partition()
    outputs = partition.feed(*values, frame[:at] + damage + frame[at + len(damage) :], create(event(2), T0))
    assert outputs.events[-1].id == uuid(2)


LONG = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-2, 2), st.integers(T0 - HOUR, T0 + HOUR))
TEXT = st.one_of(st.just(""), st.text(max_size=3), st.just(uuid(1)))
EVENTS_OF_ALL_KINDS = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=60).map(lambda rest: b"\x00\x00\x00\x00\x01" + rest),
    st.builds(
        lambda **columns: codec.encode_record(event(1, **columns)),
        kind=st.sampled_from(["incident", "deployment"]),
        status=st.sampled_from(["open", "close"]),
        ts=LONG,
        start=st.one_of(st.none(), LONG),
        end=st.one_of(st.none(), LONG),
        version=LONG,
    ),
)
ANY_RECORD = st.builds(
    IngestRecord,
    op=st.sampled_from(["create", "patch", "delete", "push", "tick", "?"]),
    tenant=TEXT,
    id=TEXT,
    record_id=TEXT,
    ingest_ts=LONG,
    dedup_key=TEXT,
    fingerprint=LONG,
    base_version=LONG,
    base_ts=LONG,
    patch=st.one_of(TEXT, st.sampled_from(["{}", '{"title":"x"}', '{"ts":99999999999999999999}', '{"title":7}', '{"tags":3}'])),
    correlation_id=TEXT,
    signal=st.sampled_from(["", "open", "close"]),
    timeout_ms=LONG,
    event=EVENTS_OF_ALL_KINDS,
)


@settings(max_examples=500, deadline=None)
@given(st.lists(ANY_RECORD, max_size=8))
def test_no_record_stops_a_partition(records: list[IngestRecord]) -> None:
    partition = Partition()
    for record in [*records, create(event(2), T0)]:
        partition.commit(partition.logic.fold(partition.inputs([record])))
    assert partition.out[-1].key == uuid(2).encode()
    assert snapshot(partition.restore()) == snapshot(partition.logic)


def test_a_time_out_of_this_world_does_not_move_task_time() -> None:
    partition = Partition()
    outputs = partition.feed(tick(T0), tick(1 << 60), push(1, T0, timeout_ms=1 << 60), tick(T0 + 1))
    assert [letter.reason for letter in outputs.letters] == ["undecodable", "undecodable"]
    assert partition.logic.now == T0 + 1


@pytest.mark.parametrize("op", ["create", "keyed", "push", "patch"])
def test_an_event_that_its_topic_would_not_take_is_set_aside_with_its_bytes_and_leaves_no_trace(op: str) -> None:
    large = event(1, kind="incident", status="open", raw="x" * MAX_OUTPUT_BYTES)
    record = {
        "create": create(large, T0),
        "keyed": create(large, T0, signal="open", correlation_id=large.id),
        "push": msgspec.structs.replace(push(1, T0), event=codec.encode_record(large)),
        "patch": patch(event(1, kind="incident", status="open"), T0, {"raw": large.raw}),
    }[op]
    partition = Partition()
    outputs = partition.feed(record)
    assert [(letter.reason, letter.value) for letter in outputs.letters] == [("too_large", codec.encode_record(record))]
    assert (outputs.events, outputs.problems, outputs.current) == ([], [], {})
    assert {key for key, _ in partition.changelog} == {b"t"}


def test_the_largest_output_fits_its_topic() -> None:
    (limit,) = (topic.max_message_bytes for topic in all_topics() if topic.name == EVENTS)
    assert limit == MAX_OUTPUT_BYTES + 64 * 1024


def test_task_time_never_runs_back_and_survives_a_restart() -> None:
    partition = Partition()
    partition.feed(push(1, T0), tick(T0 + HOUR), tick(T0))
    assert partition.logic.now == partition.restore().now == T0 + HOUR
    (opened,) = partition.feed(push(2, T0 + MINUTE)).problems
    assert (opened.last_receipt, opened.deadline) == (T0 + HOUR, T0 + HOUR + 15 * MINUTE)


def test_task_time_is_written_at_most_once_a_round_and_only_when_it_moved() -> None:
    partition = Partition()
    partition.feed(*(tick(T0 + n) for n in range(5)))
    partition.feed(tick(T0))
    assert [key for key, _ in partition.changelog] == [b"t"]


def test_a_tick_carries_the_time() -> None:
    partition = Partition()
    partition.logic.apply(partition.logic.fold([Input(3, 0, b"tick", partition.logic.tick(T0 + 5))]))
    assert partition.logic.now == T0 + 5


def test_a_round_that_is_not_committed_changes_nothing() -> None:
    partition = Partition()
    partition.feed(push(1, T0, "a"), push(2, T0, "b"), create(event(3), T0, dedup_key=uuid(77), fingerprint=1))
    before = snapshot(partition.logic), list(partition.logic._committed.timers.heap)
    inputs = partition.inputs([push(4, T0 + MINUTE, "a"), patch(event(3), T0 + MINUTE, {"title": "x"}), tick(T0 + 30 * HOUR)])
    first, second = partition.logic.fold(inputs), partition.logic.fold(inputs)
    assert (first.out, first.changes) == (second.out, second.changes)
    assert (snapshot(partition.logic), partition.logic._committed.timers.heap) == before
    partition.commit(first)
    assert snapshot(partition.restore()) == snapshot(partition.logic)


def test_an_unknown_state_key_is_refused() -> None:
    with pytest.raises(ValueError, match="state key"):
        Partition().logic.restore(b"zebra", b"")


def test_a_state_of_many_refreshes_holds_one_timer_a_problem() -> None:
    partition = Partition()
    for n in range(200):
        partition.feed(push(1, T0 + n * SECOND))
    assert len(partition.logic._committed.timers.heap) <= 2


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_committed_round_is_counted_and_an_uncommitted_one_is_not() -> None:
    names: list[tuple[str, dict[str, str], float]] = [
        ("causeline_records_processed_total", {"op": "create"}, 3),
        ("causeline_records_processed_total", {"op": "push"}, 4),
        ("causeline_records_processed_total", {"op": "tick"}, 1),
        ("causeline_events_deduplicated_total", {}, 1),
        ("causeline_dead_letters_total", {"reason": "undecodable"}, 1),
        ("causeline_problem_transitions_total", {"transition": "opened"}, 1),
        ("causeline_problem_transitions_total", {"transition": "refreshed"}, 2),
        ("causeline_problem_transitions_total", {"transition": "timed_out"}, 1),
        ("causeline_problem_refreshes_coalesced_total", {}, 1),
    ]
    before = [metric(name, **labels) for name, labels, _ in names]
    partition = Partition()
    keyed_record: IngestRecord = create(event(2), T0, dedup_key=uuid(77), fingerprint=1)
    pushes = [push(n, T0 + n) for n in range(3, 7)]
    step = partition.logic.fold(partition.inputs([create(event(1), T0), keyed_record, keyed_record, *pushes, tick(T0 + HOUR), b"junk"]))
    assert [metric(name, **labels) for name, labels, _ in names] == before
    partition.commit(step)
    assert [metric(name, **labels) for name, labels, _ in names] == [was + more for was, (_, _, more) in zip(before, names, strict=True)]
    assert metric("causeline_state_keys", partition="3", kind="problem") == 1
    assert len(decoded(step.out).letters) == 1
