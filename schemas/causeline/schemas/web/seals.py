"""Texts that go back to the question they came from, unharmed, or are refused: what cursors of lists are made of.

A seal covers what a text says and the filters beside it. It keeps nobody from making one: it tells what was damaged, or sent beside other
filters, from what a page ended with.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

_SEAL: Final = 8


def seal_place(content: bytes, question: Iterable[tuple[str, str]]) -> str:
    """Return a place in a list for a question (its parameters in any order) as unpadded base64url."""
    return base64.urlsafe_b64encode(_seal(content, question) + content).rstrip(b"=").decode()


def open_place(text: str, question: Iterable[tuple[str, str]]) -> bytes:
    """Return what was sealed. Raises ValueError where the text is damaged or belongs to another question."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""  # every way of being damaged gets the same answer
    content = data[_SEAL:]
    if not data or data[:_SEAL] != _seal(content, question):
        raise ValueError("is damaged or belongs to other filters; begin again without it")
    return content


def _seal(content: bytes, question: Iterable[tuple[str, str]]) -> bytes:
    message = msgspec.msgpack.encode([sorted(question), content])
    return hashlib.blake2b(message, digest_size=_SEAL).digest()
