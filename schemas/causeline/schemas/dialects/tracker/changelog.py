"""Tracker's changelog: what each update changed, from what to what, when and by whom, and what clients added to it in words.

It lies in `raw`, because only the newest version of an event is kept, and is bounded, because an event is one record on the log: 100
entries of at most 1,200 characters of texts, under 140 kB of ASCII and half a MiB of anything. The oldest entries give way.

Who made a change and when is known at the door, what it changed only where it is merged, which can happen again in the processors. So
ingest puts a stamp into the patch, in the place where the entries go, and the merge writes the entries, behind them the one that the
stamp carries where a client added one. Without a stamp it writes none.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from causeline.schemas.dialects.tracker.codes import CODE_FIELDS, name_of
from causeline.schemas.values.json_object import Json
from causeline.schemas.values.times import event_time, rfc3339

ChangeType = Literal["created", "updated", "status_changed", "approved", "rejected", "commented", "linked", "locked", "unlocked"]

CHANGELOG_MEMBER: Final = "changelog"
"""The member of `raw` that holds the entries, and of a patch that holds the stamp. Clients cannot write it."""
MAX_ENTRIES: Final = 100
MAX_ENTRY_VALUE: Final = 200
MAX_ENTRY_NAME: Final = 100
"""Characters of a user, and of the name of a field."""
MAX_COMMENT: Final = 600

_LINKING: Final = frozenset({"relatedId", "slackId"})
_NESTED: Final = ("attributes", "links")
_TIMES: Final = ("attributes.startDate", "attributes.endDate")
_ADDED: Final = "added"
_SHOWN: Final = 60


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One changed field, or what a client added (Tracker gRPC, `ChangelogEntry`). Values are text, codes by name, '' where none is."""

    timestamp: str
    user: str = ""
    change_type: ChangeType
    field: str = ""
    old_value: str = ""
    new_value: str = ""
    comment: str = ""


def change_type(value: Any) -> ChangeType:
    """Return the kind of change that a client names, by the proto's number or name. Raises ValueError."""
    names: tuple[ChangeType, ...] = get_args(ChangeType)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(names):
        return names[value - 1]
    kind = next((name for name in names if isinstance(value, str) and value.strip().lower() == name), None)
    if kind is None:
        raise ValueError(f"{repr(value)[:_SHOWN]} is not a known kind of change ({', '.join(names)})")
    return kind


def stamp(now: int, user: str = "", entry: StoredEntry | None = None) -> Json:
    """Return what a patch carries for the changelog: when it arrived (ms UTC), who sent it, and the entry that it adds."""
    return {"timestamp": rfc3339(now), "user": user} | ({_ADDED: msgspec.to_builtins(entry)} if entry else {})


def entries(raw: Mapping[str, Any]) -> list[StoredEntry]:
    """Return the changelog of a stored object, oldest first; what a client wrote there in other shapes is none."""
    try:
        return msgspec.convert(raw.get(CHANGELOG_MEMBER, []), list[StoredEntry])
    except msgspec.ValidationError:
        return []


def _text(field: str, value: Any) -> str:
    if value is None:
        return ""
    code = next((name for name in CODE_FIELDS if f"attributes.{name}" == field), None)
    if code is not None:
        return name_of(code, value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return every field of an object as text, those of `attributes` and `links` each for itself."""
    flat = {key: value for key, value in raw.items() if key not in (*_NESTED, CHANGELOG_MEMBER)}
    for key in _NESTED:
        members = raw.get(key)
        flat |= {f"{key}.{name}": value for name, value in members.items()} if isinstance(members, dict) else {}
    return {key: _text(key, value) for key, value in flat.items()}


def _differ(field: str, old: str, new: str) -> bool:
    """Whether a field says something else: a time that comes back in another form (UTC, to the ms) is the time that it was."""
    if old == new:
        return False
    return not (field in _TIMES and old and new and event_time(old) == event_time(new))


def _change_type(field: str) -> ChangeType:
    if field == "attributes.status":
        return "status_changed"
    return "linked" if field.startswith("links.") or field.rpartition(".")[2] in _LINKING else "updated"


def extend_changelog(before: Mapping[str, Any], after: Mapping[str, Any], by: Mapping[str, Any]) -> list[Json]:
    """Return the changelog with an entry for each field that differs and the one that was added, as JSON values; `by` is the stamp.

    Fields are called by their own names (`status`, `ticket`). Raises an error of `patches.DAMAGED`.
    """
    old, new = _texts(before), _texts(after)
    fields = [field for field in {**old, **new} if _differ(field, old.get(field, ""), new.get(field, ""))]
    field_entries = [
        StoredEntry(
            timestamp=by["timestamp"],
            user=by["user"],
            change_type=_change_type(field),
            field=field.removeprefix("attributes.").removeprefix("links."),
            old_value=old.get(field, "")[:MAX_ENTRY_VALUE],
            new_value=new.get(field, "")[:MAX_ENTRY_VALUE],
        )
        for field in fields
    ]
    client_entries = [msgspec.convert(by[_ADDED], StoredEntry)] if _ADDED in by else []
    newest: list[Json] = msgspec.to_builtins([*entries(before), *field_entries, *client_entries][-MAX_ENTRIES:])
    return newest
