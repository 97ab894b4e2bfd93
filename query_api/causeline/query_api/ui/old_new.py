"""What an event says it changed, from what to what. Pure.

No API asks for it in one way, so the ways that clients have are read: Tracker's changelog, a list or an object `changes`, pairs of members
such as `before` and `after`, `previous` beside the columns, and tags `previous_x` beside `x`. What fits none of them says nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

MOST_DIFFERENCES: Final = 100
MOST_LETTERS: Final = 400
_PAIRS: Final = (
    ("old", "new"),
    ("before", "after"),
    ("from", "to"),
    ("previous", "current"),
    ("old_value", "new_value"),
    ("oldValue", "newValue"),
)
_NAMES: Final = ("field", "path", "key", "name", "member", "property")
_CHANGES: Final = ("changes", "changelog", "diff")
_INNER: Final = ("data", "metadata", "customProperties", "attributes")
"""Members in which APIs keep what is the client's own."""
_PREVIOUS: Final = ("previous_", "old_")
_DEEPEST: Final = 6


class ValueChange(NamedTuple):
    """One thing that is another one now: its name, what it was and is as text ('' where it was not there), when and by whom where known."""

    name: str
    old: str
    new: str
    at: str = ""
    by: str = ""


def find_differences(event: Mapping[str, Any]) -> list[ValueChange]:
    """Return what an event of the native API says it changed, the first `MOST_DIFFERENCES`, each once."""
    raw = event["raw"] if isinstance(event["raw"], dict) else {}
    places = [raw, *(raw[name] for name in _INNER if isinstance(raw.get(name), dict))]
    in_places = (one for place in places for one in _in_object(place, event))
    differences = dict.fromkeys(one for one in (*islice(in_places, 10 * MOST_DIFFERENCES), *_in_tags(event["tags"])) if one.old != one.new)
    return list(differences)[:MOST_DIFFERENCES]


def _in_object(place: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[ValueChange]:
    for name in _CHANGES:
        yield from _in_changes(place.get(name))
    for old, new in _PAIRS:
        if old in place and new in place and not (old == "from" and new == "to" and _name_of(place) == ""):
            yield from _compare(_name_of(place), place[old], place[new])
    previous = place.get("previous")
    if isinstance(previous, dict) and "current" not in place:
        now = {name: place.get(name, event.get(name)) for name in previous}
        yield from _compare("", previous, now)


def _in_changes(changes: Any) -> Iterator[ValueChange]:
    """Yield what a list of `{"field", "old", "new"}`, or an object of `{"old", "new"}` or `[old, new]` by name, says."""
    if isinstance(changes, dict):
        for name, one in changes.items():
            if isinstance(one, list) and len(one) == 2:  # noqa: PLR2004 - a pair
                yield from _compare(str(name), one[0], one[1])
            elif isinstance(one, dict):
                yield from _in_change(one, str(name))
    elif isinstance(changes, list):
        for one in changes:
            if isinstance(one, dict):
                yield from _in_change(one, _name_of(one))


def _in_change(one: Mapping[str, Any], name: str) -> Iterator[ValueChange]:
    for old, new in _PAIRS:
        if old in one or new in one:
            at, by = one.get("timestamp") or one.get("at"), one.get("user") or one.get("by")
            for difference in _compare(name, one.get(old), one.get(new)):
                yield difference._replace(at=_text(at), by=_text(by))
            return


def _compare(name: str, old: Any, new: Any, depth: int = 0) -> Iterator[ValueChange]:
    """Yield the members in which two values differ, or the two as a whole where they are no objects."""
    if isinstance(old, dict) and isinstance(new, dict) and depth < _DEEPEST:
        for member in {**old, **new}:
            yield from _compare(f"{name}.{member}" if name else str(member), old.get(member), new.get(member), depth + 1)
    elif old != new:
        yield ValueChange(name or "value", _text(old), _text(new))


def _in_tags(tags: Mapping[str, str]) -> Iterable[ValueChange]:
    for name, old in tags.items():
        for prefix in _PREVIOUS:
            plain = name.removeprefix(prefix)
            new = tags.get(plain, tags.get(f"new_{plain}"))
            if plain != name and new is not None:
                yield ValueChange(plain, _text(old), _text(new))


def _name_of(place: Mapping[str, Any]) -> str:
    return next((_text(place[name]) for name in _NAMES if isinstance(place.get(name), str)), "")


def _text(value: Any) -> str:
    """Return a value as text, cut where it is long."""
    text = "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}… ({len(text):,} characters)"
