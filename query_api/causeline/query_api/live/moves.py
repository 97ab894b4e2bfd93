"""What a patch that moved an event in time leaves on the log, told from a delete.

Such a patch writes two records of one version, one right behind the other: a tombstone at the old time, which rows need, and the event
at the new one. To someone who follows the log nothing was deleted, so the tombstone is dropped. At the end of a batch it cannot be told
yet: the record is kept back, and the position before it, until its partition brings the next record or, asked once more, none. Both
were committed as one, so what does not follow at once does not follow at all. Pure.
"""

from causeline.query_api.live.positions import Batch, LogRecord, Partition
from causeline.schemas.wire.codec import CodecError, Head, head_of


class Moves:
    """Folds batches of one reading, in order; `fold` gives them back without the tombstones of moves."""

    def __init__(self) -> None:
        self._tombstones: dict[Partition, tuple[LogRecord, Head]] = {}

    def fold(self, batch: Batch) -> Batch:
        """Return what is sure now: never a record twice, never out of its partition's order."""
        records: list[LogRecord] = []
        tombstones, self._tombstones = self._tombstones, {}
        came = {record.partition for record in batch.records}
        records += [record for record, _ in tombstones.values() if record.partition not in came]
        last = {partition: entry for partition, entry in tombstones.items() if partition in came}
        for record in batch.records:
            before = last.pop(record.partition, None)
            head = _head(record)
            if before is not None and not (head is not None and _is_move(before[1], head)):
                records.append(before[0])
            if head is not None and head.is_deleted:
                last[record.partition] = (record, head)
            else:
                records.append(record)
        self._tombstones = last
        positions = {**batch.positions, **{partition: record.offset for partition, (record, _) in last.items()}}
        return Batch(records, positions)


def _head(record: LogRecord) -> Head | None:
    try:
        return head_of(record.value)
    except CodecError:
        return None  # whoever reads it says so


def _is_move(tombstone: Head, following: Head) -> bool:
    return (tombstone.tenant, tombstone.id, tombstone.version) == following[:3] and not following.is_deleted
