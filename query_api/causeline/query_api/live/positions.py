"""Places on the public topics: what a reader of the log has behind it, and how a client keeps it as the id of a message.

A place is the offset of the next record of every partition of the topics that are followed. As text it is one version byte that says
which topics these are, the offsets as msgpack and a check sum, in unpadded base64url: about 60 characters for two topics with four each.
It tells nothing but places and belongs to no filter, so a client may go on with another one: also with causes where its place names none.
What must change together: a new form needs a new version byte, and the old ones stay readable.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from causeline.schemas.topics import CAUSES, EVENTS, PROBLEMS

Topics = tuple[str, ...]

WITHOUT_CAUSES: Final = (EVENTS, PROBLEMS)
WITH_CAUSES: Final = (*WITHOUT_CAUSES, CAUSES)

_FORMS: Final[Mapping[bytes, Topics]] = {b"\x01": WITHOUT_CAUSES, b"\x02": WITH_CAUSES}
_VERSIONS: Final = {topics: version for version, topics in _FORMS.items()}
_SUM: Final = 4
MAX_POSITIONS_TEXT: Final = 24_576
"""1,000 partitions of three topics with offsets of five bytes each are 20,000 characters."""


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


def partitions(count: int, topics: Topics) -> list[Partition]:
    """Return the partitions of topics that have `count` each, in the order in which a place names them."""
    return [Partition(topic, number) for topic in topics for number in range(count)]


def format_positions(positions: Positions, topics: Topics) -> str:
    """Return the place on these topics as text: URL-safe letters, digits, `-` and `_`. `positions` may name more topics."""
    count = sum(partition.topic == topics[0] for partition in positions)
    content = _VERSIONS[topics] + msgspec.msgpack.encode([positions[partition] for partition in partitions(count, topics)])
    return base64.urlsafe_b64encode(content + _sum(content)).rstrip(b"=").decode()


def parse_positions(text: str, count: int) -> dict[Partition, int]:
    """Return the place that a text names on topics of `count` partitions. Raises ValueError where it is damaged or of other topics."""
    topics, offsets = _parts(text)
    if len(offsets) != len(topics) * count:
        raise ValueError(f"is of a log with {len(offsets) // len(topics)} partitions, and this one has {count}")
    return dict(zip(partitions(count, topics), offsets, strict=True))


def _parts(text: str) -> tuple[Topics, list[int]]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        content, check = data[:-_SUM], data[-_SUM:]
        topics = _FORMS.get(content[:1])
        if len(text) <= MAX_POSITIONS_TEXT and topics is not None and check == _sum(content):
            offsets = msgspec.msgpack.decode(content[1:], type=list[int])
            if all(offset >= 0 for offset in offsets):
                return topics, offsets
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # every way of being damaged gets the same answer
    raise ValueError("is damaged; begin again without it")


def _sum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SUM).digest()
