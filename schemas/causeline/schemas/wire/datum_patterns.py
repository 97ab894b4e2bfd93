"""Fields of Avro datums as patterns of bytes, for the few fields that are read of every record.

One match takes half of what it takes in Python to go from one field to the next. The patterns match values in their usual, short form; what
they do not match is left to the general decoder. Apache Avro specification, Binary Encoding: a long is zigzag, seven bits a byte, least
first; a text is its length, doubled by the zigzag, and its bytes.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from causeline.schemas.wire.locked import DatumLayout, Shape

_SHORT: Final = 64
"""A length below is one byte, and even, for a length is never negative."""
_UUID: Final = 36

LONG: Final = rb"[\x80-\xff]*+[\x00-\x7f]"
OPTIONAL_LONG_PATTERN: Final = rb"(?:\x00|\x02%b)" % LONG
BOOLEAN: Final = rb"[\x00\x01]"
SMALL_PATTERN: Final = b"[%b]" % b"".join(re.escape(bytes((number << 1,))) for number in range(_SHORT))
"""A number below 64, as versions are."""


def _text(sizes: Iterable[int]) -> bytes:
    return b"(?:%b)" % b"|".join(b"%b.{%d}" % (re.escape(bytes((size << 1,))), size) for size in sizes)


TEXT_PATTERN: Final = _text(range(_SHORT))
ID: Final = _text(sorted(range(_SHORT), key=lambda size: size != _UUID))
"""A text that is mostly a UUID: that length is tried first."""

_SPECIAL: Final = {"id": ID, "version": SMALL_PATTERN}
_SHAPES: Final[Mapping[Shape, bytes]] = {"text": TEXT_PATTERN, "long": LONG, "optional long": OPTIONAL_LONG_PATTERN, "boolean": BOOLEAN}


def matcher(layout: DatumLayout, groups: Sequence[Sequence[str]]) -> Callable[[bytes], re.Match[bytes] | None]:
    """Return what matches a framed record from its frame to the last field that is asked for; each of `groups` is one group of it.

    Raises ValueError where the layout has no such field, or where the fields of a group, or the groups, do not follow one another in it;
    KeyError for an array or a map before the last of them.
    """
    parts, at = [re.escape(layout.frame)], 0
    for group in groups:
        begin = layout.names.index(group[0])
        end = begin + len(group)
        if begin < at or layout.names[begin:end] != tuple(group):
            raise ValueError(f"{', '.join(group)} do not follow one another in {', '.join(layout.names[at:])}")
        parts += (_pattern(layout, at, begin), b"(", _pattern(layout, begin, end), b")")
        at = end
    return re.compile(b"".join(parts), re.DOTALL).match


def runs(layout: DatumLayout, names: Iterable[str]) -> list[list[str]]:
    """Return the names in the order of the layout, those that follow one another in one list."""
    groups: list[list[str]] = []
    before = -1
    for at in sorted(map(layout.names.index, names)):
        if not groups or at > before + 1:
            groups.append([])
        groups[-1].append(layout.names[at])
        before = at
    return groups


def _pattern(layout: DatumLayout, begin: int, end: int) -> bytes:
    return b"".join(_SPECIAL.get(name) or _SHAPES[shape] for name, shape in layout.fields[begin:end])
