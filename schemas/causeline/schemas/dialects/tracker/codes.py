"""The codes of Tracker: what a client may send for type, status, environment, priority and impact, and what is shown for it.

A code comes in as a number, a numeric string or a name in any letter case, and goes out as the document's number. Two tables of status
numbers are in use: the Tracker document's, and the one that clients generated from the released Tracker's proto carry. Names mean
the same in both, so they are what the columns hold. Numbers in `Event.raw` and in patches on the log are always the document's: a
door that speaks the released numbers writes names instead, or a reader could not tell which table was meant.

What must change together: these tables, the enums of `proto/tracker/event/v1alpha1/event.proto` (a test compares them with the profile
`released`) and `causeline.schemas.dialects.signals`, which reads the status names.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

Profile = Literal["document", "released"]
CodeField = Literal["type", "status", "environment", "priority", "impact"]

CODE_FIELDS: Final[tuple[CodeField, ...]] = get_args(CodeField)

_TYPES: Final = {1: "deployment", 2: "operation", 3: "drift", 4: "incident", 5: "rpa"}
_ENVIRONMENTS: Final = {
    1: "development",
    2: "integration",
    3: "tnr",
    4: "uat",
    5: "recette",
    6: "preproduction",
    7: "production",
    8: "mco",
}
_PRIORITIES: Final = {n: f"P{n}" for n in range(1, 6)}
# 1 is low and 3 is high; an explicit 0 ("none") is a value too, since a PUT that sends it must apply.
_IMPACTS: Final = {n: str(n) for n in range(4)}
# Tracker, "Status Values". There is no 2.
_DOCUMENT_STATUSES: Final = {
    1: "start",
    3: "success",
    4: "failure",
    5: "warning",
    6: "error",
    7: "open",
    8: "close",
    9: "done",
}
_RELEASED_STATUSES: Final = {
    1: "start",
    2: "failure",
    3: "success",
    4: "warning",
    5: "error",
    6: "snapshot",
    7: "user_update",
    8: "recommandation",
    9: "open",
    10: "close",
    11: "done",
    12: "in_progress",
    13: "planned",
    14: "waiting_approval",
}

_Tables = Mapping[CodeField, Mapping[int, str]]


def _tables(statuses: Mapping[int, str]) -> _Tables:
    return {"type": _TYPES, "status": statuses, "environment": _ENVIRONMENTS, "priority": _PRIORITIES, "impact": _IMPACTS}


CODE_NAMES: Final[Mapping[Profile, _Tables]] = {
    "document": _tables(_DOCUMENT_STATUSES),
    "released": _tables(_RELEASED_STATUSES),
}
"""Number to name, by profile and field."""

_ALIASES: Final[Mapping[CodeField, Mapping[str, str]]] = {
    "type": {"rpausage": "rpa"},
    "impact": {"none": "0", "low": "1", "medium": "2", "high": "3"},
}
_HAS_IMPACT: Final = {True: "1", False: "0"}
_RELEASED_NAMES: Final = {"rpa": "rpa_usage", "tnr": "TNR", "uat": "UAT"}
_SEPARATORS: Final = str.maketrans("", "", "-_ ")
_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_SHOWN: Final = 60


def _squash(name: str) -> str:
    return name.strip().lower().translate(_SEPARATORS)


def _names_in(field: CodeField) -> dict[str, str]:
    """Return every accepted spelling of a field's names, whichever profile lists it."""
    names = {_squash(name): name for tables in CODE_NAMES.values() for name in tables[field].values()}
    return names | dict(_ALIASES.get(field, {}))


_SPELLINGS: Final = {field: _names_in(field) for field in CODE_FIELDS}
_NUMBERS: Final = {profile: {f: {name: n for n, name in t.items()} for f, t in tables.items()} for profile, tables in CODE_NAMES.items()}


def name_of(field: CodeField, value: Any, profile: Profile = "document") -> str:
    """Return the name of a code as sent: number, numeric string, or name in any letter case, `-`, `_` and blanks ignored.

    An impact is also a boolean, in both profiles: true is the least level, false is none. Raises ValueError, with the accepted codes in
    its words, for anything that is not a code of the field.
    """
    table = CODE_NAMES[profile][field]
    name: str | None = None
    if field == "impact" and isinstance(value, bool):
        name = _HAS_IMPACT[value]
    elif isinstance(value, str):
        text = value.strip()
        name = table.get(int(text)) if _NUMBER.fullmatch(text) else _SPELLINGS[field].get(_squash(text))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        name = table.get(int(value)) if value % 1 == 0 else None  # 3.0 is 3; an infinity has no remainder
    if name is None:
        also = ", true, false" if field == "impact" else ""
        choices = ", ".join(f"{n} {name}" if name != str(n) else name for n, name in table.items())
        raise ValueError(f"{repr(value)[:_SHOWN]} is not a known {field} ({choices}{also})")
    return name


def number_of(field: CodeField, name: str, profile: Profile = "document") -> int | str:
    """Return the number of a name, or the name itself where the profile has no number for it (status `planned`)."""
    return _NUMBERS[profile][field].get(name, name)


def has_impact(name: str) -> bool:
    """Return the released Tracker's impact, a boolean, of a level's name ('' where none was sent)."""
    return name not in ("", "0")


def released_name(field: CodeField, name: str) -> str | bool:
    """Return a code as the released Tracker shows it over REST: its proto's name, a boolean for the impact."""
    return has_impact(name) if field == "impact" else _RELEASED_NAMES.get(name, name)
