"""`/v1/dora/definition`: a body to a definition, and which version a GET asks for. Pure.

A PUT says the whole of a definition: a member that is absent or null is what version 1 says. `version` is the server's own and is not read,
so that what a GET answered may be changed and sent back. Names are trimmed; environments and globs are compared in any letter case.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar, cast, get_args
from zoneinfo import available_timezones

from causeline.schemas.dora.definition import Attribution, AttributionBy, Definition, Hotfix, Timeouts
from causeline.schemas.dora.globs import MAX_GLOB
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.web.errors import FieldError, Invalid, strangers

MAX_NAMES_OF_LIST: Final = 50
"""Of one list, and names in `aliases`."""
MAX_ENVIRONMENT_NAME: Final = 200
"""Characters of a name."""
MAX_WINDOW_MS: Final = 365 * 86_400_000
DEFINITION_MEMBERS: Final = ("version", "production", "aliases", "default_environment", "attribution", "hotfix", "timeouts", "tz")
RULES: Final[tuple[AttributionBy, ...]] = get_args(AttributionBy)
TIMEOUTS: Final[tuple[Timeouts, ...]] = get_args(Timeouts)
_FIRST: Final = Definition()
_MAX_MESSAGES: Final = 20
_MAX_NUMBER: Final = 9
"""Digits of a version that may be asked for."""
_Word = TypeVar("_Word", bound=str)
_MAX_ZONE: Final = 64
_NOT_ZONES: Final = frozenset({"localtime", "Factory"})
"""What lies among the zones of a machine and is none."""


def definition_of(content: Mapping[str, Any]) -> Definition:
    """Return the definition that a body says. Raises Invalid naming every member that is wrong."""
    errors = strangers(content, DEFINITION_MEMBERS, "is not a member of a definition")
    definition = Definition(
        production=_entries(content, "production", "", _FIRST.production, errors),
        aliases=_aliases(content.get("aliases"), errors),
        default_environment=_default_environment(content.get("default_environment"), errors),
        attribution=_attribution(content.get("attribution"), errors),
        hotfix=_hotfix(content.get("hotfix"), errors),
        timeouts=_word(content, "timeouts", "", TIMEOUTS, _FIRST.timeouts, errors),
        tz=_zone(content.get("tz"), errors),
    )
    if content.get("production") == []:
        errors.append(FieldError("production", "must name at least one environment"))
    if errors:
        raise Invalid.naming(errors[:_MAX_MESSAGES])
    return definition


def asked_version(pairs: Sequence[tuple[str, str]]) -> int | None:
    """Return which version a query string asks for, None for the one that holds. Raises Invalid."""
    errors = strangers((name for name, _ in pairs), ("version",), "is not a parameter of this call")
    values = [value.strip() for name, value in pairs if name == "version" and value.strip()]
    if len(values) > 1:
        errors.append(FieldError("version", "takes one value"))
    elif values and not (values[0].isascii() and values[0].isdigit() and len(values[0]) <= _MAX_NUMBER and int(values[0])):
        errors.append(FieldError("version", f"{values[0][:100]!r} is not a whole number from 1 on"))
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    return int(values[0]) if values else None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_ZONES


def _zone(value: object, errors: list[FieldError]) -> str:
    if value is None:
        return _FIRST.tz
    if isinstance(value, str) and len(value) <= _MAX_ZONE and value in _zones():
        return value
    errors.append(FieldError("tz", "must be an IANA zone such as Europe/Berlin"))
    return ""


def _default_environment(value: object, errors: list[FieldError]) -> str:
    name = _FIRST.default_environment if value is None else _name(value)
    if name is None:
        errors.append(FieldError("default_environment", _refusal(MAX_ENVIRONMENT_NAME)))
    return name or ""


def _attribution(value: object, errors: list[FieldError]) -> Attribution:
    content = _members(value, "attribution", ("rule", "window"), errors)
    rule = _word(content, "rule", "attribution.", RULES, _FIRST.attribution.rule, errors)
    return Attribution(rule=rule, window=_window(content["window"], errors) if "window" in content else _FIRST.attribution.window)


def _window(value: object, errors: list[FieldError]) -> int | None:
    """Return the window in ms; null is none: without a bound."""
    if value is None:
        return None
    try:
        window = duration_ms(value) if isinstance(value, str) and len(value) <= MAX_ENVIRONMENT_NAME else -1
    except ValueError:
        window = -1
    if not 0 <= window <= MAX_WINDOW_MS:
        errors.append(FieldError("attribution.window", "must be a duration such as 24h of at most 365d, or null for none"))
    return window


def _hotfix(value: object, errors: list[FieldError]) -> Hotfix:
    content = _members(value, "hotfix", ("tags", "branches", "titles"), errors)
    first = _FIRST.hotfix
    return Hotfix(
        tags=_entries(content, "tags", "hotfix.", first.tags, errors),
        branches=_entries(content, "branches", "hotfix.", first.branches, errors, MAX_GLOB),
        titles=_entries(content, "titles", "hotfix.", first.titles, errors, MAX_GLOB),
    )


def _aliases(value: object, errors: list[FieldError]) -> dict[str, tuple[str, ...]]:
    """Return the other names of environments. A name means one environment: who has it as an alias has it alone."""
    if value is None:
        return dict(_FIRST.aliases)
    if not isinstance(value, dict) or len(value) > MAX_NAMES_OF_LIST:
        errors.append(FieldError("aliases", f"must be an object of at most {MAX_NAMES_OF_LIST} lists of names"))
        return {}
    aliases: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for own, others in value.items():
        name = _name(own)
        if name is None:
            errors.append(FieldError(f"aliases.{own[:100]}", f"the name of an environment {_refusal(MAX_ENVIRONMENT_NAME)}"))
        elif owners.setdefault(name.casefold(), name) != name:
            errors.append(FieldError(f"aliases.{own[:100]}", "is there in another letter case"))
        else:
            aliases[name] = _entries({name: others}, name, "aliases.", (), errors)
    for own, names in aliases.items():
        for place, other in enumerate(names):
            if (owner := owners.setdefault(other.casefold(), own)) != own:
                errors.append(FieldError(f"aliases.{own[:100]}[{place}]", f"{other!r} means the environment {owner!r}"))
    return aliases


def _members(value: object, member: str, names: Sequence[str], errors: list[FieldError]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        errors.append(FieldError(member, "must be an object"))
        return {}
    errors += strangers(value, names, f"is not a member of {member}", f"{member}.")
    return value


def _entries(
    content: Mapping[str, Any],
    member: str,
    path: str,
    absent: tuple[str, ...],
    errors: list[FieldError],
    longest: int = MAX_ENVIRONMENT_NAME,
) -> tuple[str, ...]:
    """Return a list of texts, what it names twice once; `path` stands before the member's name."""
    value, where = content.get(member), f"{path}{member[:100]}"
    if value is None:
        return absent
    if not isinstance(value, list) or len(value) > MAX_NAMES_OF_LIST:
        errors.append(FieldError(where, f"must be a list of at most {MAX_NAMES_OF_LIST} texts"))
        return ()
    names = [_name(one, longest) for one in value]
    errors += [FieldError(f"{where}[{place}]", _refusal(longest)) for place, name in enumerate(names) if name is None]
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _word(content: Mapping[str, Any], member: str, path: str, words: tuple[_Word, ...], absent: _Word, errors: list[FieldError]) -> _Word:
    value = content.get(member)
    if value is None:
        return absent
    if value not in words:
        errors.append(FieldError(f"{path}{member}", f"must be {' or '.join(words)}"))
    return cast("_Word", value)


def _name(value: object, longest: int = MAX_ENVIRONMENT_NAME) -> str | None:
    """Return a text without blanks around it, None where it is none of a length that is taken."""
    name = value.strip() if isinstance(value, str) and len(value) <= 2 * longest else ""
    return name if 0 < len(name) <= longest and "\0" not in name else None


def _refusal(longest: int) -> str:
    return f"must be a text of 1 to {longest} characters"
