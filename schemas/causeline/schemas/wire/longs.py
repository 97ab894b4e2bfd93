"""Avro's numbers: zigzag, then seven bits a byte, least first (Apache Avro specification, Binary Encoding)."""

from typing import Final

_INT64: Final = 1 << 63


def long(value: int) -> bytes:
    """Return an Avro long. Raises OverflowError for what does not fit 64 bits."""
    if not -_INT64 <= value < _INT64:
        raise OverflowError(f"{value} does not fit 64 bits")
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
