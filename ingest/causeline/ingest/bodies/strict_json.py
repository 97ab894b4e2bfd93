"""Strict JSON for bodies of moderate size: what is accepted here can be stored, shown again and read by every consumer.

Python's parser is lenient where RFC 8259 leaves a choice (NaN, duplicate keys, lone surrogates, numbers of any size), and each of these
breaks somewhere later: in Avro strings, in 64-bit readers, or as two readers that see two different events.
"""

import json
from typing import Any, Final

from causeline.schemas.values.json_object import Json
from causeline.schemas.web.errors import Malformed

MAX_DEPTH: Final = 64
_MIN_INT: Final = -(1 << 63)
_MAX_INT: Final = (1 << 64) - 1


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys: set[str] = set()
        twice = next(key for key, _ in pairs if key in keys or keys.add(key))  # type: ignore[func-returns-value]
        raise Malformed(f"the key {twice!r:.80} stands twice in one object")
    return members


def _constant(name: str) -> Any:
    raise Malformed(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise Malformed(f"the number {text[:40]} is out of range")
    return value


def _int(text: str) -> int:
    # The length comes first: int() of thousands of digits is slow, and refused by Python beyond 4,300.
    if len(text) > len(str(_MIN_INT)) or not _MIN_INT <= int(text) <= _MAX_INT:
        raise Malformed(f"the integer {text[:40]} needs more than 64 bits")
    return int(text)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float, parse_int=_int)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise Malformed("a string holds the character NUL")
        if not value.isascii():
            value.encode()  # UnicodeEncodeError: a lone surrogate
    elif isinstance(value, dict | list):
        if depth >= MAX_DEPTH:
            raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            for key, inner in value.items():
                _check(key, depth)
                _check(inner, depth + 1)
        else:
            for inner in value:
                _check(inner, depth + 1)


def json_object(body: bytes) -> tuple[str, Json]:
    """Return the text of a body (a byte order mark skipped) and the object in it. Raises Malformed for anything else."""
    try:
        text = body.decode("utf-8-sig")
        value = _DECODER.decode(text)
        _check(value, 0)
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error
    except UnicodeEncodeError as error:
        raise Malformed("a string holds a lone surrogate") from error
    except RecursionError as error:
        raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object")
    return text, value
