"""Where a record goes on the ingest log, and how large it may be: the same answer in every adapter, and for any Kafka client."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import INGEST, all_topics
from causeline.schemas.web.errors import TooLarge
from causeline.schemas.wire.codec import encode_record
from causeline.schemas.wire.partitioning import partition_of, partitions_of

_BATCH_SLACK: Final = 64 << 10
"""A batch of one record adds about 110 bytes, and lz4 may grow what it cannot press together by 0.4 %: 33 KiB in 8 MiB."""

MAX_RECORD_BYTES: Final = next(t.max_message_bytes for t in all_topics() if t.name == INGEST) - _BATCH_SLACK


class PlacedRecord(NamedTuple):
    """A record ready for the log; `size` is the bytes that count against the bounds."""

    partition: int
    key: bytes
    value: bytes
    size: int


def place(records: Sequence[IngestRecord], partitions: int) -> list[PlacedRecord]:
    """Return the records encoded and placed, in order. Raises TooLarge where one of them cannot fit the log: then none is sent."""
    if len(records) == 1:  # most requests: the machinery for many costs as much as the record
        key, value = records[0].key, encode_record(records[0])
        return [PlacedRecord(partition_of(key, partitions), key, value, _fitting(len(key) + len(value)))]
    keys = [record.key for record in records]
    values = [encode_record(record) for record in records]
    sizes = [len(key) + len(value) for key, value in zip(keys, values, strict=True)]
    _fitting(max(sizes, default=0))
    return list(map(PlacedRecord, partitions_of(keys, partitions), keys, values, sizes))


def everywhere(record: IngestRecord, partitions: int) -> list[PlacedRecord]:
    """Return the record placed on every partition, in order. Raises TooLarge where it cannot fit the log."""
    key, value = record.key, encode_record(record)
    size = _fitting(len(key) + len(value))
    return [PlacedRecord(partition, key, value, size) for partition in range(partitions)]


def _fitting(size: int) -> int:
    if size > MAX_RECORD_BYTES:
        raise TooLarge(f"the event takes {size} bytes on the log, at most {MAX_RECORD_BYTES} fit")
    return size
