"""From one field of an Avro datum to another, over bytes that nobody decodes.

The values may be of any length, but arrays and maps are written as one block, as all encoders do: what is not raises IndexError and is left
to the general decoder. Apache Avro specification, Binary Encoding.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final

from causeline.schemas.wire.locked import Field, Shape

Skip = Callable[[bytes, int], int]
"""Where it ends, by the datum and where it begins."""
Read = Callable[[bytes, int], tuple[Any, int]]
"""A value and where the next field begins, by the datum and where it stands."""

_CONTINUED: Final = 0x80
_NOT_SHORT: Final = _CONTINUED | 1  # a length below 64: one byte, and even, for a length is never negative
_NULL: Final = 0
_BRANCHES: Final = (_NULL, 2)


def over(fields: Sequence[Field]) -> tuple[Skip, ...]:
    """Return the steps over these fields: a run of texts is one, and so is a run of arrays and maps."""
    return tuple(_step(kind, [field.shape for field in run]) for kind, run in groupby(fields, key=lambda field: _KINDS[field.shape]))


def reader(shape: Shape) -> Read:
    """Return how a text, an array or a map is read. Raises KeyError for another shape: nobody asked for one yet."""
    return {"text": text_at, "texts": texts_at, "map": map_at}[shape]


def text_at(data: bytes, at: int) -> tuple[str, int]:
    """Return the text that stands here, and where the next field begins."""
    size = data[at]
    at += 1
    if size & _NOT_SHORT:
        size, at = _size(data, at - 1)
    end = at + (size >> 1)
    return data[at:end].decode(), end


def texts_at(data: bytes, at: int) -> tuple[list[str], int]:
    """Return the texts of the array that stands here, and where the next field begins."""
    return _block(1, data, at) if data[at] else ([], at + 1)


def map_at(data: bytes, at: int) -> tuple[dict[str, str], int]:
    """Return the map that stands here, and where the next field begins."""
    if not data[at]:
        return {}, at + 1
    texts, at = _block(2, data, at)
    return dict(zip(texts[::2], texts[1::2], strict=True)), at


def is_filled(data: bytes, at: int) -> bool:
    """Return whether the array or map that stands here has an item: a count of 0 may be written in more than one byte."""
    return data[at] != 0 and _size(data, at)[0] != 0


def _block(each: int, data: bytes, at: int) -> tuple[list[str], int]:
    """Return the texts of the one block that stands here, `each` an item, and where the next field begins."""
    count, at = _size(data, at)
    texts: list[str] = []
    for _ in range((count >> 1) * each):
        text, at = text_at(data, at)
        texts.append(text)
    if data[at] or not count:
        raise IndexError("not one block")
    return texts, at + 1


def _step(kind: str, shapes: Sequence[Shape]) -> Skip:
    if kind == "texts":
        return partial(_texts, len(shapes))
    if kind == "blocks":
        return partial(_blocks, tuple(2 if shape == "map" else 1 for shape in shapes))
    return partial(_numbers, tuple(shapes))


def _texts(count: int, data: bytes, at: int) -> int:
    for _ in range(count):
        size = data[at]
        at += 1
        if size & _NOT_SHORT:
            size, at = _size(data, at - 1)
        at += size >> 1
    return at


def _blocks(texts_each: tuple[int, ...], data: bytes, at: int) -> int:
    for each in texts_each:
        count = data[at]
        at += 1
        if count:
            if count & _NOT_SHORT:
                count, at = _size(data, at - 1)
            at = _texts((count >> 1) * each, data, at) + 1
            if data[at - 1] or not count:
                raise IndexError("not one block")
    return at


def _numbers(shapes: tuple[Shape, ...], data: bytes, at: int) -> int:
    """Go over longs, which end with the first byte below 128, optional ones and booleans."""
    for shape in shapes:
        if shape == "optional long":
            if data[at] not in _BRANCHES:
                raise IndexError("no branch of an optional long in its usual form")
            at += 1
            if data[at - 1] == _NULL:
                continue
        if shape != "boolean":
            while data[at] & _CONTINUED:
                at += 1
        at += 1
    return at


def _size(data: bytes, at: int) -> tuple[int, int]:
    """Return twice the length that is written here, and where what follows it begins. Raises IndexError for a negative one."""
    size = shift = 0
    while True:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < _CONTINUED:
            break
        shift += 7
    if size & 1:
        raise IndexError("a negative length")
    return size, at


_KINDS: Final[dict[Shape, str]] = {
    "text": "texts",
    "bytes": "texts",
    "texts": "blocks",
    "map": "blocks",
    "long": "numbers",
    "optional long": "numbers",
    "boolean": "numbers",
}
