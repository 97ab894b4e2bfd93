"""Tests and order by a member of the JSON that a client sent: the rules themselves, as the memory store keeps them.

What must change together: these rules and the expressions of `sql/raw_members.py` that say the same to ClickHouse (one contract suite for
both).

A member is a top-level name, taken word for word (dots and quotes are letters of it). Texts compare by their UTF-8 bytes. A number
compares with what can be read as a JSON number, exactly, whether integer or not. Arrays and objects equal nothing and have no order.
"""

import operator
import re
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from causeline.query_api.questions.query import Document, RawSort, RawTest, RawValue, TextFold
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import rfc3339

_ABSENT: Final = object()
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INTEGERS: Final = range(-(1 << 63), 1 << 64)
_WRITTEN: Final = len(str(-(1 << 63)))
BLANK: Final = " \t\n\r"
"""The white space of JSON: what consists of it says nothing."""

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_FOLDS: Final[Mapping[TextFold, dict[int, int | None]]] = {"": {}, "case": {**_LOWER}, "word": {**_LOWER, ord("_"): None, ord("-"): None}}
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def text_of(value: RawValue) -> str:
    """Return a value as text: a string is itself, anything else its JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def as_number(value: RawValue) -> int | float | None:
    """Return the number that a value is or spells, None for any other; an integer beyond 64 bits as a double."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        if _NUMBER.fullmatch(value) is None:
            return None
        if len(value) > _WRITTEN or not value.lstrip("-").isdigit():
            return float(value)
        value = int(value)
    return value if value in _INTEGERS else float(value)


def apply_fold(text: str, fold: TextFold) -> str:
    """Return a text as it is compared."""
    return text.translate(_FOLDS[fold])


def members_of(event: Event, document: Document) -> Mapping[str, Any]:
    """Return the members of what a client sent (none where it is no JSON object), or of what the server gave the event."""
    if document == "own":
        return {"id": event.id, "timestamp": rfc3339(event.ts)}
    try:
        members = msgspec.json.decode(event.raw)
    except msgspec.DecodeError:
        return {}
    return members if isinstance(members, dict) else {}


def passes(event: Event, test: RawTest) -> bool:
    """Say whether an event passes a test under one of the names of its member."""
    members = members_of(event, test.document)
    return any(_passes(members.get(name, _ABSENT), test) for name in (test.member, *test.also))


def _passes(member: Any, test: RawTest) -> bool:
    if test.op == "exists":
        return member is not _ABSENT and member is not None and (not isinstance(member, str) or member.strip(BLANK) != "")
    if test.op == "has_any":
        return isinstance(member, list) and any(_equal(element, value, "") for element in member for value in test.values)
    if test.op == "ne":
        return not any(_equal(member, value, test.fold) for value in test.values)
    if test.op in _ORDERS:
        return all(_compare(_ORDERS[test.op], member, value) for value in test.values)
    return any(_equal(member, value, test.fold) for value in test.values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str | bool)


def _equal(member: Any, value: RawValue, fold: TextFold) -> bool:
    if _is_number(member):
        return bool(member == as_number(value))
    return (member is None or _is_text(member)) and apply_fold(text_of(member), fold) == apply_fold(text_of(value), fold)


def _compare(before: Callable[[Any, Any], bool], member: Any, value: RawValue) -> bool:
    if _is_number(member):
        number = as_number(value)
        return number is not None and before(member, number)
    return _is_text(member) and before(text_of(member).encode(), text_of(value).encode())


SortKey = tuple[bool, float, int, bytes]


def place_of(event: Event, sort: RawSort) -> SortKey | None:
    """Return the place of an event in an order: numbers before text. None: the member is absent, null, an array or an object.

    Integers that are one double are told apart by the third part.
    """
    member = members_of(event, sort.document).get(sort.member, _ABSENT)
    if _is_number(member):
        return (False, float(member), member if isinstance(member, int) else 0, b"")
    return (True, 0.0, 0, text_of(member).encode()) if _is_text(member) else None
