"""An item of the native API read and validated in one pass over its text, where nothing about it is in doubt: most items are such.

msgspec decodes into the types of `NativeEvent`, without its words: what it refuses, and whatever could be refused or read otherwise by the
exact way (`item_object`, then pydantic), is left to that way. So each item is stored, or refused, as if there were no other; a property
test compares the two. An item with members that are no fields goes the exact way too, which alone sees their keys.
"""

from typing import Any, Final, Required, TypedDict

import msgspec

from causeline.ingest.bodies.fast_json import is_doubtful
from causeline.ingest.dialects.native.body import MAX_ELEMENTS, NativeEvent, read_time
from causeline.ingest.idempotency import MAX_KEY
from causeline.schemas.values.commits import COMMITS, MAX_COMMIT_ID, MAX_COMMITS, Commit, columns_of_commits
from causeline.schemas.values.folding import fold_case

_TIMES: Final = ("ts", "start", "end")
_MAPS: Final = ("tags", "links")
_LISTS: Final = ("entities", "files", "allowed_groups")
_KINDS: Final[dict[str, Any]] = {
    "kind": Required[str],
    "title": Required[str],
    **dict.fromkeys(_TIMES, str | int | None),
    **dict.fromkeys(_MAPS, dict[str, str] | None),
    **dict.fromkeys((*_LISTS, COMMITS), list[str] | None),
}
"""What is no optional text. Commits that tell their times are left to the exact way."""
_JUDGED: Final = frozenset((*_TIMES, *_LISTS, *_MAPS, COMMITS, "idempotency_key"))
"""What has a rule beside its type; kind, title and status come by themselves."""
_TYPED_DICT: Final[Any] = TypedDict
_DECODE: Final = msgspec.json.Decoder(
    _TYPED_DICT("PlainEvent", {name: _KINDS.get(name, str | None) for name in NativeEvent.__annotations__}, total=False)
).decode


def columns_at_once(raw: bytes) -> dict[str, Any] | None:
    """Return the columns that an item fills, as the exact way returns them; None where that one has to decide."""
    try:
        columns: dict[str, Any] = _DECODE(raw)
        keys = len(columns)
        for name in _MAPS:
            if pairs := columns.get(name):
                keys += len(pairs)
        if is_doubtful(raw, keys):
            return None
        if None in columns.values():
            columns = {name: value for name, value in columns.items() if value is not None}
        return columns if _is_right(columns) else None
    except (ValueError, RecursionError):
        return None


def _is_right(columns: dict[str, Any]) -> bool:
    """Fold and convert what is kept otherwise than it was sent; return whether all rules are kept. Raises ValueError for a wrong time."""
    kind, title = columns["kind"], columns["title"]
    if not kind or kind.isspace() or not title or title.isspace():
        return False
    columns["kind"] = fold_case(kind)
    if "status" in columns:
        columns["status"] = fold_case(columns["status"])
    return _JUDGED.isdisjoint(columns) or _is_in_bounds(columns)


def _is_in_bounds(columns: dict[str, Any]) -> bool:
    for name in _JUDGED.intersection(columns):
        value = columns[name]
        if name in _TIMES:
            columns[name] = read_time(value)
        elif name == "idempotency_key":
            if not 0 < len(value) <= MAX_KEY:
                return False
        elif name == COMMITS:
            if len(value) > MAX_COMMITS or not all(0 < len(own) <= MAX_COMMIT_ID for own in value):
                return False
            columns.update(columns_of_commits([Commit(own, 0) for own in value]))
        elif len(value) > MAX_ELEMENTS:
            return False
    return "end" not in columns or "start" not in columns or columns["start"] <= columns["end"]
