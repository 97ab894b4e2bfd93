"""A body that holds one object, an array of them, or one a line: cut into the text of each, none of which is read yet."""

from typing import Final, NamedTuple

import msgspec

from causeline.ingest.bodies.fast_json import BOM
from causeline.schemas.web.errors import Malformed, TooLarge
from causeline.schemas.web.http import MAX_BODY

NDJSON: Final = "application/x-ndjson"
MAX_ITEMS: Final = 10_000
_WHITESPACE: Final = b" \t\r\n"
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class One(NamedTuple):
    """A request with one object: answered with the event."""

    raw: bytes


class Several(NamedTuple):
    """A request with an array or lines: answered with a result for each item, in the order sent."""

    raw: list[bytes]


def split(body: bytes, content_type: str) -> One | Several:
    """Return the items of a body. Raises Malformed where it is neither an object nor an array, TooLarge beyond the bounds."""
    text = body.removeprefix(BOM).strip(_WHITESPACE)
    if content_type == NDJSON:
        return _limit([line for line in (line.strip(_WHITESPACE) for line in text.split(b"\n")) if line])
    if text[:1] == b"[":
        return _limit(_elements(text))
    if text[:1] != b"{":
        raise Malformed("the body is neither a JSON object nor an array of objects")
    if len(text) > MAX_BODY:
        raise TooLarge(too_large(text))
    return One(text)


def _elements(text: bytes) -> list[bytes]:
    try:
        return [bytes(element) for element in _ITEMS.decode(text)]
    except RecursionError as error:
        raise Malformed("the body is nested too deeply") from error
    except ValueError as error:
        raise Malformed(f"the body is not a JSON array: {error}") from error


def _limit(items: list[bytes]) -> Several:
    if len(items) > MAX_ITEMS:
        raise TooLarge(f"the request holds {len(items)} items, at most {MAX_ITEMS} are accepted")
    return Several(items)


def too_large(raw: bytes) -> str:
    """Return what is said of an item over MAX_BODY bytes."""
    return f"the item has {len(raw)} bytes, at most {MAX_BODY} are accepted"
