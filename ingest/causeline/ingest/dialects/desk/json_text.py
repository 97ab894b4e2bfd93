"""Strict JSON for the DESK Events API v1: RFC 8259 and nothing beyond, with the place of an error.

A string element may be sent as a number and is then stored as the number's own text (`"deploymentVersion": 1.10` is `1.10`, not
`1.1`), so numbers that are not integers keep their text instead of becoming floats.
"""

import re
from typing import Any, Final

import msgspec

from causeline.ingest.bodies.strict_json import MAX_DEPTH
from causeline.schemas.web.errors import Malformed

_BOM: Final = b"\xef\xbb\xbf"
_BYTE: Final = re.compile(r"\(byte (\d+)\)")


class Number:
    """A JSON number with a fraction or an exponent, as its text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: Final = text


def _plain(value: object) -> msgspec.Raw:
    if isinstance(value, Number):
        return msgspec.Raw(value.text.encode())
    raise TypeError(type(value).__name__)


_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(float_hook=Number)
_ENCODER: Final = msgspec.json.Encoder(enc_hook=_plain)
_CANONICAL: Final = msgspec.json.Encoder(enc_hook=_plain, order="sorted")


def decode_json(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8 (a byte order mark is skipped; of a repeated name the last value counts).

    Raises Malformed: syntax, NaN and Infinity, invalid UTF-8, unpaired surrogates, nesting over 64 levels, or nothing at all.
    """
    text = body.removeprefix(_BOM)
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _location_error(text, error) from error
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value


def encode_json(value: Any) -> str:
    """Return the JSON text of a decoded value, its names in the order they were sent."""
    return _ENCODER.encode(value).decode()


def canonical_json(value: Any) -> bytes:
    """Return the JSON text of a decoded value with sorted names and no white space."""
    return _CANONICAL.encode(value)


def _depth(value: Any) -> int:
    level: list[Any] = [value]
    depth = 0
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        level = [inner for v in level for inner in (v.values() if isinstance(v, dict) else v)]
    return depth


def _too_deep() -> Malformed:
    return Malformed(f"Could not map JSON: it is nested over {MAX_DEPTH} levels")


def _location_error(text: bytes, error: Exception) -> Malformed:
    match = _BYTE.search(str(error))
    at = int(match[1]) if match else _first_invalid(text)
    line, column = text.count(b"\n", 0, at) + 1, at - text.rfind(b"\n", 0, at)
    return Malformed(f"Could not map JSON near line {line} column {column}")


def _first_invalid(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(text)
