"""Strict JSON for the native API, at the speed of a batch: one fast pass, and an exact second one only where the first has a doubt.

What is refused is the same as by the exact parser (`strict_json`): NaN, lone surrogates, NUL, two equal keys in one object, integers
beyond 64 bits, more than 64 levels. The fast parser takes the last of two equal keys without a word, so the keys it found are compared with
the keys that stand in the text; only where the two counts differ is the text parsed again by the slow and exact parser.
"""

from typing import Any, Final

import msgspec

from causeline.ingest.bodies.strict_json import MAX_DEPTH, json_object
from causeline.schemas.web.errors import Malformed

BOM: Final = b"\xef\xbb\xbf"
_MIN_INT: Final = -(1 << 63)
_MAX_INT: Final = (1 << 64) - 1
_DECODER: Final = msgspec.json.Decoder()


def _keys(value: dict[str, Any] | list[Any], depth: int) -> int:
    """Return how many keys stand in the value and below it. Raises Malformed for an integer or a depth that is refused."""
    if depth > MAX_DEPTH:
        raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        count, inner = len(value), list(value.values())
    else:
        count, inner = 0, value
    for item in [item for item in inner if type(item) is not str]:
        kind = type(item)
        if kind is dict or kind is list:
            count += _keys(item, depth + 1)
        elif kind is int and not _MIN_INT <= item <= _MAX_INT:
            raise Malformed(f"the integer {str(item)[:40]} needs more than 64 bits")
    return count


def is_doubtful(raw: bytes, keys: int) -> bool:
    """Return whether a text in which so many keys were found may hold a key twice, or NUL: only the exact parser can tell."""
    if b"\\" in raw and b"\\u0000" in raw:
        return True
    # A colon for each key and none more: no key stands twice, and no text holds one.
    if raw.count(b":") == keys:
        return False
    # Without whitespace before a colon every key ends in `":`; text may hold these characters too, then the second pass finds nothing.
    return raw.count(b'":') != keys or b" :" in raw or _broken_before_colon(raw)


def _broken_before_colon(raw: bytes) -> bool:
    # One character is found several times faster than two, and compact JSON has none of these.
    return (b"\n" in raw and b"\n:" in raw) or (b"\t" in raw and b"\t:" in raw) or (b"\r" in raw and b"\r:" in raw)


def body_object(body: bytes) -> dict[str, Any]:
    """Return the object that a whole body holds; a byte order mark before it is skipped. Raises Malformed for anything else."""
    return item_object(body.removeprefix(BOM))


def item_object(raw: bytes) -> dict[str, Any]:
    """Return the object that the text of one item holds. Raises Malformed for anything else."""
    try:
        value = _DECODER.decode(raw)
        if not isinstance(value, dict):
            raise Malformed("not a JSON object")
        doubtful = is_doubtful(raw, _keys(value, 1))
    except RecursionError as error:
        raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels") from error
    except UnicodeDecodeError as error:
        raise Malformed(f"the text is not UTF-8: {error.reason}") from error
    except ValueError as error:
        if b"\\u" in raw:  # of a lone surrogate the fast parser says much that is not so; the exact one names it
            json_object(raw)
        raise Malformed(f"not JSON: {error}") from error
    return json_object(raw)[1] if doubtful else value
