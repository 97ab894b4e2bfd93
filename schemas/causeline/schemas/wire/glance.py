"""What rules ask of an event, read from its framed bytes: all are looked at, few are wanted, and decoding one costs more than all else.

A glance finds the six columns that rules are sorted by without making a string of them: their bytes are a key by which the rules are known
already. The details are read only where a rule asks for them. What is not in the usual form is left to the general decoder, and a property
test holds the two equal. It must change together with `avro/event.v*.avsc`: the layout of version 1 (schema id 1) is spelled out here.
"""

import re
from collections.abc import Hashable
from typing import Final, Protocol

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import (
    Columns,
    Details,
    columns_of_event,
    columns_of_problem,
    details_of_event,
    details_of_problem,
)
from causeline.schemas.wire import codec
from causeline.schemas.wire.datum_patterns import BOOLEAN, ID, LONG, OPTIONAL_LONG, SMALL, TEXT

FRAME: Final = b"\x00\x00\x00\x00\x01"
glance: Final = re.compile(
    b"%b%b%b(%b)%b(%b)%b(%b)" % (FRAME, TEXT, ID, SMALL, BOOLEAN, TEXT * 3, LONG + OPTIONAL_LONG * 2 + LONG * 2, TEXT * 3), re.DOTALL
).match
"""Match a framed event in its usual form, whose version and columns are short: `groups` is its key, and its details begin at the `end`.

The fields are tenant, id, version and is_deleted; dialect, kind and status; ts, start, end, ingest_ts and updated_ts; service, environment
and priority.
"""
_NOT_SHORT: Final = 0x81


class Described(Protocol):
    """A record as rules see it. Records of one `key` have the same columns."""

    @property
    def key(self) -> Hashable:
        """Return what stands for its columns."""
        ...

    def columns(self) -> Columns:
        """Return its columns. Raises CodecError where they cannot be read."""
        ...

    def details(self) -> Details:
        """Return its details. Raises CodecError where they cannot be read."""
        ...

    def is_restricted(self) -> bool:
        """Return whether it is for some groups only. Raises CodecError where that cannot be read."""
        ...


class Framed:
    """A framed event at which a glance was taken."""

    __slots__ = ("_at", "_framed", "key")

    def __init__(self, framed: bytes, seen: re.Match[bytes]) -> None:
        self._framed = framed
        self._at = seen.end()
        self.key: tuple[bytes, ...] = seen.groups()

    def columns(self) -> Columns:
        """See Described."""
        columns = self.key[1] + self.key[2]
        texts, at = [], 0
        while at < len(columns):
            end = at + 1 + (columns[at] >> 1)
            texts.append(columns[at + 1 : end])
            at = end
        try:
            return Columns(*(text.decode() for text in texts))
        except UnicodeDecodeError as error:
            raise codec.CodecError(f"not an event: {error}") from error

    def details(self) -> Details:
        """See Described."""
        try:
            return _details(self._framed, self._at)
        except (IndexError, UnicodeDecodeError):
            return details_of_event(codec.decode(self._framed, Event))

    def is_restricted(self) -> bool:
        """See Described."""
        try:
            return _is_restricted(self._framed, self._at)
        except IndexError:
            return bool(codec.decode(self._framed, Event).allowed_groups)


class Decoded:
    """A record whose columns and details are known."""

    __slots__ = ("_details", "key")

    def __init__(self, columns: Columns, details: Details) -> None:
        self.key = columns
        self._details = details

    def columns(self) -> Columns:
        """See Described."""
        return self.key

    def details(self) -> Details:
        """See Described."""
        return self._details

    def is_restricted(self) -> bool:
        """See Described."""
        return bool(self._details.groups)


def of_problem(problem: Problem) -> Decoded:
    """Return a problem as rules see it."""
    return Decoded(columns_of_problem(problem), details_of_problem(problem))


def of_event(framed: bytes) -> Framed | Decoded:
    """Return a framed event as rules see it. Raises CodecError where it is none."""
    seen = glance(framed)
    if seen is not None:
        return Framed(framed, seen)
    event = codec.decode(framed, Event)
    return Decoded(columns_of_event(event), details_of_event(event))


def version_of(seen: re.Match[bytes]) -> int:
    """Return the version that a glance tells."""
    return seen[1][0] >> 1


def _details(data: bytes, at: int) -> Details:
    at = _skip(data, at, 1)  # severity
    title, at = _text_at(data, at)
    text, at = _text_at(data, at)
    at = _skip(data, at, 7)  # source, owner, actor, commit, repo, branch, team
    project, at = _text_at(data, at)
    at = _skip(data, at, 2)  # application, release
    tags, at = _texts_at(data, at, 2)
    entities, at = _texts_at(data, at, 1)
    _, at = _texts_at(data, at, 2)  # links
    at = _skip(data, at, 1)  # related_id
    groups, at = _texts_at(data, at, 1)
    return Details(project, title, text, dict(zip(tags[::2], tags[1::2], strict=True)), entities, groups)


def _is_restricted(data: bytes, at: int) -> bool:
    """Do less than `_details` for the one question that is asked of most events which somebody wants."""
    at = _skip(data, at, 13)  # severity to release
    for each in (2, 1, 2):  # tags, entities, links
        count, at = _size(data, at)
        if count:
            at = _skip(data, at, (count >> 1) * each) + 1
            if data[at - 1]:
                raise IndexError("more than one block")
    return data[_skip(data, at, 1)] != 0  # behind related_id


def _skip(data: bytes, at: int, texts: int) -> int:
    for _ in range(texts):
        size = data[at]
        at += 1
        if size & _NOT_SHORT:
            size, at = _size(data, at - 1)
        at += size >> 1
    return at


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    end = _skip(data, at, 1)
    size = data[at]
    begin = at + 1 if not size & _NOT_SHORT else _size(data, at)[1]
    return data[begin:end].decode(), end


def _texts_at(data: bytes, at: int, each: int) -> tuple[list[str], int]:
    """Return the texts of an array (`each` 1) or map (2) that is written as one block, and where the next field begins."""
    count, at = _size(data, at)
    found: list[str] = []
    if count:
        for _ in range((count >> 1) * each):
            text, at = _text_at(data, at)
            found.append(text)
        if data[at]:
            raise IndexError("more than one block")
        at += 1
    return found, at


def _size(data: bytes, at: int) -> tuple[int, int]:
    """Return twice the length that is written here, and where what follows it begins. Raises IndexError for a negative one."""
    size = shift = 0
    while True:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says: one more byte
            break
        shift += 7
    if size & 1:
        raise IndexError("a negative length")
    return size, at
