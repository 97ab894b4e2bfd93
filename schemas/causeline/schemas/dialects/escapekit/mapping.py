"""EscapeKit event service: its types, how its JSON fills the normalized columns, and how an event is shown again.

`Event.raw` holds the JSON as the client sent it and is what goes out again, member by member, so that a timestamp comes back in the form
and to the digit it was sent. The columns know milliseconds; the nanoseconds beyond them are also in the event's id, which orders
events of one millisecond.

The document gives two fields two names each: `allowed_groups` (in its example) is `allowed_roles` (in its table), `inventory_project`
is `inventory_namespace`. Both are accepted wherever one is.

What must change together: `columns` and the tests in `causeline.query_api.dialects.escapekit.parameters`, which ask for the same members.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.values.flattening import flatten
from causeline.schemas.values.json_object import Json

EVENT_TYPES: Final = (
    "CREATE_INVENTORY_PROJECT",
    "NEW_INVENTORY_APPLICATION",
    "UPLOAD_INVENTORY_APPLICATION",
    "UPDATE_INVENTORY_PROJECT_USER_ACL",
    "DELETE_INVENTORY_PROJECT_USER_ACL",
    "DELETE_INVENTORY_PROJECT_TEAM_ACL",
    "CREATE_STATE_PROJECT",
    "CREATE_STATE_ENVIRONMENT",
    "CREATE_STATE_DEPLOYMENT",
    "UPDATE_STATE_DEPLOYMENT",
    "REDEPLOY_STATE_DEPLOYMENT",
    "RERUN_SMOKE_TESTS",
    "DESTROY_REQUESTED",
    "ADD_BUILD",
    "TRIGGER_BUILD_WEBHOOK",
    "BUILD_FINISHED_EVENT",
    "UPDATE_STATE_PROJECT_USER_ACL",
    "DELETE_STATE_PROJECT_USER_ACL",
    "UPDATE_STATE_PROJECT_TEAM_ACL",
    "DELETE_STATE_PROJECT_TEAM_ACL",
    "USER_SIGNUP",
    "USER_CONFIRMED",
    "TEAM_CREATED",
    "TEAM_DELETED",
    "TEAM_MEMBER_UPDATED",
    "TEAM_MEMBER_DELETED",
    "TEAM_SERVICE_ACCOUNT_CREATED",
)
"""EscapeKit, "Schemas", Event, `type`: 28 lines, of which UPDATE_INVENTORY_PROJECT_USER_ACL is two. Any other type is kept as well."""

CUSTOM: Final = "custom"
_KINDS: Final = (
    ("*_STATE_DEPLOYMENT", "deployment"),
    ("DESTROY_REQUESTED", "deployment"),
    ("*BUILD*", "build"),
    ("RERUN_SMOKE_TESTS", "test"),
    ("*_ACL", "access"),
    ("USER_*", "access"),
    ("TEAM_*", "access"),
    ("UPLOAD_INVENTORY_APPLICATION", "release"),
    ("NEW_INVENTORY_APPLICATION", "release"),
    ("CREATE_*", "change"),
)
"""The first pattern that fits a type names its kind."""

GROUPS: Final = ("allowed_groups", "allowed_roles")
INVENTORY_PROJECTS: Final = ("inventory_project", "inventory_namespace")

_TEXTS: Final = (
    *("id", "username", "inventory_application", "inventory_version"),
    *("state_project", "state_environment", "state_deployment"),
)
"""Members in which a blank says nothing."""

NS_PER_MS: Final = 1_000_000
MAX_NS: Final = (1 << 63) - 1
_MAX_EXACT: Final = 1 << 53
_DIGITS: Final = re.compile(r"[0-9]{1,19}")


def kind_of(event_type: str) -> str:
    """Return the normalized kind of a type, `custom` for one that no pattern fits."""
    return next((kind for pattern, kind in _KINDS if fnmatchcase(event_type, pattern)), CUSTOM)


def is_said(value: object) -> bool:
    """Say whether a member says anything: null and a blank text do not, as clients send them for fields they leave empty."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def nanoseconds(value: object) -> int | None:
    """Return a timestamp (ns UTC, exact), None where it says nothing. Raises ValueError for what is none, or beyond 64 bits.

    A number with a fraction or an exponent is taken while it is surely exact, that is up to 2^53.
    """
    if not is_said(value):
        return None
    digits = isinstance(value, str) and _DIGITS.fullmatch(value) is not None
    number = int(value) if digits or _is_exact(value) else value  # type: ignore[call-overload]
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_NS:
        raise ValueError(f"must be Unix time in nanoseconds, a whole number from 0 to {MAX_NS}, as number or string")
    return number


def _is_exact(value: object) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_EXACT


def groups_of(raw: Mapping[str, Any]) -> list[str]:
    """Return who may see an event, empty for everybody. Under both names at once the two lists are one: neither opens the other."""
    return list(dict.fromkeys(group for name in GROUPS for group in raw.get(name) or ()))


def _first(raw: Mapping[str, Any], *names: str) -> str:
    return next((raw[name] for name in names if is_said(raw.get(name))), "")


def columns(raw: Mapping[str, Any]) -> Json:
    """Return the normalized columns of a valid object, but its time. Absent, null and blank stay empty."""
    return {
        "kind": kind_of(raw["type"]),
        "title": raw["type"],
        "source": "escapekit",
        "service": _first(raw, "inventory_application", "state_deployment"),
        "environment": _first(raw, "state_environment"),
        "actor": _first(raw, "username"),
        "project": _first(raw, *INVENTORY_PROJECTS, "state_project"),
        "application": _first(raw, "inventory_application"),
        "release": _first(raw, "inventory_version"),
        "tags": flatten(raw.get("data") or {}),
        "allowed_groups": groups_of(raw),
    }


def normalize_content(raw: Mapping[str, Any]) -> Json:
    """Return a valid object in which what is stored alike is said alike: one name for two, blank as null, time in ns, groups in order."""
    texts = {name: raw[name] if is_said(raw[name]) else None for name in _TEXTS if name in raw}
    inventory = {INVENTORY_PROJECTS[0]: _first(raw, *INVENTORY_PROJECTS) or None, INVENTORY_PROJECTS[1]: None}
    groups = {GROUPS[0]: sorted(groups_of(raw)) or None, GROUPS[1]: None}
    return {**raw, **texts, **inventory, **groups, "timestamp": nanoseconds(raw.get("timestamp"))}


def view(event: Event) -> dict[str, msgspec.Raw]:
    """Return an event as it was sent, every member to the letter, with the id and the timestamp that it did not bring."""
    members = msgspec.json.decode(event.raw, type=dict[str, msgspec.Raw])
    for name, value in (("id", event.id), ("timestamp", event.ts * NS_PER_MS)):
        if name not in members or not is_said(msgspec.json.decode(members[name])):
            members[name] = msgspec.Raw(msgspec.json.encode(value))
    return members
