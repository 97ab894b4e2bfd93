"""Places on the public topics: what a reader of the log has behind it, and how a client keeps it as the id of a message.

A place is the offset of the next record of every partition of both topics. As text it is one version byte, the offsets as msgpack and a
check sum, in unpadded base64url: about 60 characters for four partitions. It tells nothing but places and belongs to no filter, so a
client may go on with another one. What must change together: a new form needs a new version byte, and the old one stays readable.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from causeline.schemas.topics import EVENTS, PROBLEMS

_FORM: Final = b"\x01"
_SUM: Final = 4
MAX_POSITIONS_TEXT: Final = 16_384
"""1,000 partitions of two topics with offsets of five bytes each are 13,400 characters."""


class Partition(NamedTuple):
    """One partition of a public topic."""

    topic: str
    number: int


Positions = Mapping[Partition, int]
"""The offset of the next record, by partition."""


class LogRecord(NamedTuple):
    """One committed record: `value` framed Avro, `timestamp` ms UTC when it was written."""

    partition: Partition
    offset: int
    timestamp: int
    value: bytes


class Batch(NamedTuple):
    """Records, in order within each partition, and the positions behind them; a position may lie behind what is no record."""

    records: list[LogRecord]
    positions: Positions


def partitions(count: int) -> list[Partition]:
    """Return the partitions of both topics, in the order in which a place names them."""
    return [Partition(topic, number) for topic in (EVENTS, PROBLEMS) for number in range(count)]


def format_positions(positions: Positions) -> str:
    """Return a place as text: URL-safe letters, digits, `-` and `_`."""
    count = len(positions) // 2
    content = _FORM + msgspec.msgpack.encode([positions[partition] for partition in partitions(count)])
    return base64.urlsafe_b64encode(content + _sum(content)).rstrip(b"=").decode()


def parse_positions(text: str, count: int) -> dict[Partition, int]:
    """Return the place that a text names on topics of `count` partitions. Raises ValueError where it is damaged or of other topics."""
    offsets = _offsets(text)
    if len(offsets) != 2 * count:
        raise ValueError(f"is of a log with {len(offsets) // 2} partitions, and this one has {count}")
    return dict(zip(partitions(count), offsets, strict=True))


def _offsets(text: str) -> list[int]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content, check = data[:-_SUM], data[-_SUM:]
        if len(text) <= MAX_POSITIONS_TEXT and content[:1] == _FORM and check == _sum(content):
            offsets = msgspec.msgpack.decode(content[1:], type=list[int])
            if all(offset >= 0 for offset in offsets):
                return offsets
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # every way of being damaged gets the same answer
    raise ValueError("is damaged; begin again without it")


def _sum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SUM).digest()
