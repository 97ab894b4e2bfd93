"""Where the next page begins, as an opaque text that goes back to the same question only.

A cursor carries the place in the order and the moment of the first page: relative times (`now-2h`) and passed deadlines are read as of
then, so that pages neither repeat nor skip. The filters stay in the query string; the cursor's seal covers them, so a cursor
that is damaged, or sent beside other filters, is refused instead of answering something else.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

_SEAL: Final = 8


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row of the page before (time in ms UTC, id), and when the first page was asked (ms UTC)."""

    ts: int
    id: str
    asked_at: int


def seal_cursor(cursor: Cursor, question: Iterable[tuple[str, str]]) -> str:
    """Return the cursor for a question (its parameters in any order) as unpadded base64url."""
    content = msgspec.msgpack.encode(cursor)
    return base64.urlsafe_b64encode(_seal(content, question) + content).rstrip(b"=").decode()


def open_cursor(text: str, question: Iterable[tuple[str, str]]) -> Cursor:
    """Return what a cursor says. Raises ValueError where it is damaged or belongs to another question."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        seal, content = data[:_SEAL], data[_SEAL:]
        if seal == _seal(content, question):
            return msgspec.msgpack.decode(content, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # every way of being damaged gets the same answer
    raise ValueError("is damaged or belongs to other filters; begin again without it")


def _seal(content: bytes, question: Iterable[tuple[str, str]]) -> bytes:
    message = msgspec.msgpack.encode([sorted(question), content])
    return hashlib.blake2b(message, digest_size=_SEAL).digest()
