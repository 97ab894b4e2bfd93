"""Fields of Avro datums as patterns of bytes, for the few fields that are read of every record.

One match takes half of what it takes in Python to go from one field to the next. The patterns match values in their usual, short form; what
they do not match is left to the general decoder. Apache Avro specification, Binary Encoding: a long is zigzag, seven bits a byte, least
first; a text is its length, doubled by the zigzag, and its bytes.
"""

import re
from collections.abc import Iterable
from typing import Final

_SHORT: Final = 64
"""A length below is one byte, and even, for a length is never negative."""
_UUID: Final = 36

LONG: Final = rb"[\x80-\xff]*+[\x00-\x7f]"
OPTIONAL_LONG: Final = rb"(?:\x00|\x02%b)" % LONG
BOOLEAN: Final = rb"[\x00\x01]"
SMALL: Final = b"[%b]" % b"".join(re.escape(bytes((number << 1,))) for number in range(_SHORT))
"""A number below 64, as versions are."""


def _text(sizes: Iterable[int]) -> bytes:
    return b"(?:%b)" % b"|".join(b"%b.{%d}" % (re.escape(bytes((size << 1,))), size) for size in sizes)


TEXT: Final = _text(range(_SHORT))
ID: Final = _text(sorted(range(_SHORT), key=lambda size: size != _UUID))
"""A text that is mostly a UUID: that length is tried first."""
