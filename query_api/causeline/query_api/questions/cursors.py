"""Where the next page begins, as an opaque text that goes back to the same question only.

A cursor carries the place in the order and the moment of the first page: relative times (`now-2h`) and passed deadlines are read as of
then, so that pages neither repeat nor skip. The filters stay in the query string; the cursor's seal covers them, so a cursor
that is damaged, or sent beside other filters, is refused instead of answering something else.
"""

from collections.abc import Iterable

import msgspec

from causeline.schemas.web.seals import open_place, seal_place


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row of the page before (time in ms UTC, id), and when the first page was asked (ms UTC)."""

    ts: int
    id: str
    asked_at: int


def seal_cursor(cursor: Cursor, question: Iterable[tuple[str, str]]) -> str:
    """Return the cursor for a question (its parameters in any order) as unpadded base64url."""
    return seal_place(msgspec.msgpack.encode(cursor), question)


def open_cursor(text: str, question: Iterable[tuple[str, str]]) -> Cursor:
    """Return what a cursor says. Raises ValueError where it is damaged or belongs to another question."""
    return msgspec.msgpack.decode(open_place(text, question), type=Cursor)  # of a seal that fits, by whoever made one: a ValueError too
