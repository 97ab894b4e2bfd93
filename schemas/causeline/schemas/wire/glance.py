"""What rules ask of an event, read from its framed bytes: all are looked at, few are wanted, and decoding one costs more than all else.

A glance finds the six columns that rules are sorted by without making a string of them: their bytes are a key by which the rules are known
already. The details are read only where a rule asks for them. What is not in the usual form is left to the general decoder, and so is what
was written under an older schema: a glance is built from the newest one. A property test holds the two equal.
"""

import re
from collections.abc import Hashable
from itertools import pairwise
from operator import itemgetter
from typing import Final, Protocol

from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import (
    Columns,
    Details,
    columns_of_causes,
    columns_of_event,
    columns_of_problem,
    details_of_causes,
    details_of_event,
    details_of_problem,
)
from causeline.schemas.wire import codec, datum_patterns
from causeline.schemas.wire.datum_walk import is_filled, over, reader
from causeline.schemas.wire.locked import DatumLayout, newest_layout

_COLUMNS: Final = ("dialect", "kind", "status", "service", "environment", "priority")
"""The fields of an event that are its `Columns`, in their order."""
_DETAILS: Final = ("project", "title", "text", "tags", "entities", "allowed_groups")
"""The fields of an event that are its `Details`, in their order."""


class Glance:
    """How framed events of one layout are seen. `match` finds an event in its usual form, whose version and columns are short.

    The `groups` of what it found are the key: the version, then the columns, which the layout may hold in several places. The details
    begin at its `end`. Raises ValueError where the layout has none of these fields, or not behind one another: version, columns, details.
    """

    __slots__ = ("_columns", "_details", "_in_order", "_to_groups", "match")

    def __init__(self, layout: DatumLayout) -> None:
        columns = datum_patterns.runs(layout, _COLUMNS)
        self.match: Final = datum_patterns.matcher(layout, [["version"], *columns])
        names = [name for run in columns for name in run]
        self._columns = itemgetter(*map(names.index, _COLUMNS))
        details = sorted(_DETAILS, key=layout.names.index)
        shapes = dict(layout.fields)
        self._details = tuple((over(layout.between(*pair)), reader(shapes[pair[1]])) for pair in pairwise([names[-1], *details]))
        self._in_order = itemgetter(*map(details.index, _DETAILS))
        self._to_groups = over(layout.between(names[-1], "allowed_groups"))

    def columns(self, key: tuple[bytes, ...]) -> Columns:
        """Return the columns of a key. Raises UnicodeDecodeError."""
        columns = b"".join(key[1:])
        texts, at = [], 0
        while at < len(columns):
            end = at + 1 + (columns[at] >> 1)
            texts.append(columns[at + 1 : end])
            at = end
        return Columns(*self._columns([text.decode() for text in texts]))

    def details(self, value: bytes, at: int) -> Details:
        """Return the details, which begin here. Raises IndexError where they are not in their usual form, UnicodeDecodeError."""
        details = []
        for steps, read in self._details:
            for step in steps:
                at = step(value, at)
            detail, at = read(value, at)
            details.append(detail)
        return Details(*self._in_order(details))

    def is_restricted(self, value: bytes, at: int) -> bool:
        """Do less than `details` for the one question that is asked of most events which somebody wants. Raises IndexError like it."""
        for step in self._to_groups:
            at = step(value, at)
        return is_filled(value, at)


_NEWEST: Final = Glance(newest_layout("event"))
glance: Final = _NEWEST.match
"""See `Glance.match`."""


class MatchSubject(Protocol):
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


class FramedSubject:
    """A framed event at which a glance was taken."""

    __slots__ = ("_at", "_value", "key")

    def __init__(self, value: bytes, match: re.Match[bytes]) -> None:
        self._value = value
        self._at = match.end()
        self.key: tuple[bytes, ...] = match.groups()

    def columns(self) -> Columns:
        """See MatchSubject."""
        try:
            return _NEWEST.columns(self.key)
        except UnicodeDecodeError as error:
            raise codec.CodecError(f"not an event: {error}") from error

    def details(self) -> Details:
        """See MatchSubject."""
        try:
            return _NEWEST.details(self._value, self._at)
        except (IndexError, UnicodeDecodeError):
            return details_of_event(codec.decode_record(self._value, Event))

    def is_restricted(self) -> bool:
        """See MatchSubject."""
        try:
            return _NEWEST.is_restricted(self._value, self._at)
        except IndexError:
            return bool(codec.decode_record(self._value, Event).allowed_groups)


class DecodedSubject:
    """A record whose columns and details are known."""

    __slots__ = ("_details", "key")

    def __init__(self, columns: Columns, details: Details) -> None:
        self.key = columns
        self._details = details

    def columns(self) -> Columns:
        """See MatchSubject."""
        return self.key

    def details(self) -> Details:
        """See MatchSubject."""
        return self._details

    def is_restricted(self) -> bool:
        """See MatchSubject."""
        return bool(self._details.groups)


def of_problem(problem: Problem) -> DecodedSubject:
    """Return a problem as rules see it."""
    return DecodedSubject(columns_of_problem(problem), details_of_problem(problem))


def of_causes(revision: CauseRevision) -> DecodedSubject:
    """Return a ranking as rules see it."""
    return DecodedSubject(columns_of_causes(revision), details_of_causes(revision))


def of_event(value: bytes) -> FramedSubject | DecodedSubject:
    """Return a framed event as rules see it. Raises CodecError where it is none."""
    match = glance(value)
    if match is not None:
        return FramedSubject(value, match)
    event = codec.decode_record(value, Event)
    return DecodedSubject(columns_of_event(event), details_of_event(event))


def version_of(match: re.Match[bytes]) -> int:
    """Return the version that a glance tells."""
    return match[1][0] >> 1
