"""A tombstone that a patch left at an event's old time is no delete, wherever a batch ends."""

import msgspec
import pytest

from causeline.query_api.live.moves import Moves
from causeline.query_api.live.positions import Batch, LogRecord, Partition
from causeline.schemas.records.event import Event
from causeline.schemas.topics import EVENTS
from causeline.schemas.wire import codec
from tests.stream_parts import NOW, event

HERE, THERE = Partition(EVENTS, 0), Partition(EVENTS, 1)
FIRST = event(1)
TOMBSTONE = msgspec.structs.replace(FIRST, version=2, is_deleted=True)
MOVED = msgspec.structs.replace(FIRST, version=2, ts=NOW + 99)
OTHER = event(2)


def record(offset: int, row: Event, partition: Partition = HERE) -> LogRecord:
    return LogRecord(partition, offset, NOW, codec.encode_record(row))


def settled(*batches: list[LogRecord]) -> list[LogRecord]:
    """Return what comes out of batches, asked once more at the end, and check that no position passes what is kept back."""
    moves, outputs = Moves(), []
    ends = {HERE: 0, THERE: 0}
    for batch in (*batches, []):
        ends |= {one.partition: one.offset + 1 for one in batch}
        out = moves.fold(Batch(batch, dict(ends)))
        outputs += out.records
        inputs = [one for one in [r for b in batches for r in b] if one.offset < ends[one.partition]]
        late = [one for one in inputs if one not in outputs and not (one.value == codec.encode_record(TOMBSTONE) and out.positions == ends)]
        assert all(out.positions[one.partition] <= one.offset for one in late)
    assert out.positions == ends
    return outputs


@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_a_move_is_the_event_at_its_new_time_only(split: int) -> None:
    records = [record(0, FIRST), record(1, TOMBSTONE), record(2, MOVED)]
    assert settled(records[:split], records[split:]) == [records[0], records[2]]


@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_a_delete_stays_in_its_place(split: int) -> None:
    records = [record(0, FIRST), record(1, TOMBSTONE), record(3, OTHER)]
    assert settled(records[:split], records[split:]) == records


def test_a_delete_at_the_end_comes_with_the_next_batch_that_has_nothing_of_its_partition() -> None:
    last, elsewhere = record(1, TOMBSTONE), record(0, OTHER, THERE)
    moves = Moves()
    first = moves.fold(Batch([last], {HERE: 2, THERE: 0}))
    assert first == Batch([], {HERE: 1, THERE: 0})
    assert moves.fold(Batch([elsewhere], {HERE: 2, THERE: 1})) == Batch([last, elsewhere], {HERE: 2, THERE: 1})


def test_the_same_version_on_another_partition_is_not_its_move() -> None:
    records = [record(0, TOMBSTONE), record(0, MOVED, THERE)]
    assert sorted(settled(records)) == sorted(records)


def test_a_record_that_nobody_can_read_passes() -> None:
    unreadable = LogRecord(HERE, 1, NOW, b"not Avro")
    assert settled([record(0, TOMBSTONE), unreadable]) == [record(0, TOMBSTONE), unreadable]
