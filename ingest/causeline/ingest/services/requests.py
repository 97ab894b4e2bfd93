"""`/v1/services`: bodies to services, and how a service is shown. Pure.

A PUT says the whole of a service: a member that is absent or null is empty from then on. Names are trimmed and compared as they are,
as the `service` of events is; what a list names twice it names once.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.topology.paths import MAX_FILE_PATH, refusal_of_pattern
from causeline.schemas.topology.repos import MAX_REPO
from causeline.schemas.topology.service import Service
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, Invalid, strangers
from causeline.schemas.web.http import NO_LETTER

MAX_SERVICE_NAME: Final = 200
MAX_NAMES: Final = 1_000
"""Of one list."""
MAX_TIER: Final = 100
MEMBERS: Final = ("name", "depends_on", "owner", "team", "repo", "paths", "aliases", "tier")
_MAX_MESSAGES: Final = 20
"""A list with a thousand wrong elements is told about the first ones."""


def service_of(content: Mapping[str, Any], now: int, path_name: str | None = None) -> Service:
    """Return the service that a body describes at `now` (ms UTC); its name may stand in the path. Raises Invalid naming what is wrong."""
    errors = strangers(content, MEMBERS, "is not a member of a service")
    service = Service(
        name=_service_name(content.get("name"), path_name, errors),
        depends_on=_names(content, "depends_on", MAX_SERVICE_NAME, errors),
        owner=_text(content, "owner", MAX_SERVICE_NAME, errors),
        team=_text(content, "team", MAX_SERVICE_NAME, errors),
        repo=_text(content, "repo", MAX_REPO, errors),
        paths=_names(content, "paths", MAX_FILE_PATH, errors),
        aliases=_names(content, "aliases", MAX_SERVICE_NAME, errors),
        tier=_tier(content.get("tier"), errors),
        updated_at=now,
    )
    for place, pattern in enumerate(service.paths):
        if len(errors) < _MAX_MESSAGES and (refusal := refusal_of_pattern(pattern)):
            errors.append(FieldError(f"paths[{place}]", refusal))
    if errors:
        raise Invalid.naming(errors)
    return service


def service_view(service: Service) -> dict[str, Any]:
    """Return the JSON object that shows a service: every member, lists in the order sent."""
    document: dict[str, Any] = {name: getattr(service, name) for name in MEMBERS}
    return {**document, "updated_at": rfc3339(service.updated_at)}


def without_time(service: Service) -> dict[str, Any]:
    """Return what a service says, by which a repeat under one idempotency key is told from other content."""
    content: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(service, updated_at=0))
    return content


def _service_name(value: object, path_name: str | None, errors: list[FieldError]) -> str:
    own = path_name if value is None else value.strip() if isinstance(value, str) else value
    if refusal := _refusal(own, MAX_SERVICE_NAME):
        errors.append(FieldError("name", refusal))
    elif path_name not in (None, own):
        errors.append(FieldError("name", f"is not the name in the path, {path_name!r}"[:300]))
    elif str(own).endswith("/"):
        errors.append(FieldError("name", "must not end with a slash, which a path ignores"))
    elif NO_LETTER in str(own):
        errors.append(FieldError("name", "must not hold U+FFFD, which no path can say"))
    return str(own)


def _names(content: Mapping[str, Any], member: str, longest: int, errors: list[FieldError]) -> tuple[str, ...]:
    value = content.get(member)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        errors.append(FieldError(member, f"must be a list of at most {MAX_NAMES:,} texts"))
        return ()
    names = [one.strip() if isinstance(one, str) else one for one in value]
    for place, one in enumerate(names):
        if len(errors) < _MAX_MESSAGES and (refusal := _refusal(one, longest)):
            errors.append(FieldError(f"{member}[{place}]", refusal))
    return tuple(dict.fromkeys(map(str, names)))


def _text(content: Mapping[str, Any], member: str, longest: int, errors: list[FieldError]) -> str | None:
    value = content.get(member)
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else value
    if refusal := _refusal(text, longest):
        errors.append(FieldError(member, refusal))
    return str(text)


def _refusal(value: object, longest: int) -> str:
    if isinstance(value, str) and 0 < len(value) <= longest and "\0" not in value:
        return ""
    return f"must be a text of 1 to {longest:,} characters"


def _tier(value: object, errors: list[FieldError]) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TIER:
        return value
    errors.append(FieldError("tier", f"must be an integer from 0 to {MAX_TIER}"))
    return None
