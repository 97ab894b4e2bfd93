"""Git's wildcards as slowly and as plainly as they are said: what the fast ones must agree with."""

from collections.abc import Sequence
from typing import Final

from causeline.schemas.topology.paths import MAX_FILE_PATH
from causeline.schemas.topology.service import Service

HOSTILE: Final = (
    "**/**/**/a",
    "**/x/**/*a*a*b",
    "*a*a*a*a*b",
    "/".join(["**", "a"] * 50),
    "*a" * 199 + "b",
    "[!b]" * 99 + "b",
    "*" + "[ab]" * 98 + "b",
    "*?" * 199,
    "[" + "".join(chr(300 + 2 * n) for n in range(390)) + "]b",
    "*" + "[" + "".join(f"{chr(300 + 4 * n)}-{chr(301 + 4 * n)}" for n in range(125)) + "]" + "*b",
)
LONG: Final = ("a" * MAX_FILE_PATH, "a/" * 199 + "a", "ab" * 200, "a/b" * 133, "x/" + "a" * 398)
"""Wildcards and paths of which a way that goes back would try a great many."""


def services_of(pattern: str) -> list[Service]:
    """Return a hundred services, each with ten wildcards like one."""
    return [Service(name=f"s{n}", paths=tuple(f"{pattern[:380]}{n}-{m}" for m in range(10))) for n in range(100)]


def fits_name(pattern: str, name: str) -> bool:
    """Tell whether a wildcard without a slash matches a name: every way is tried."""
    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first == "*":
        return any(fits_name(rest, name[at:]) for at in range(len(name) + 1))
    if first == "[":
        end = pattern.index("]", 3 if pattern[1] in "!^" else 2)
        members, rest = pattern[1:end], pattern[end + 1 :]
        return bool(name) and _is_member(members, name[0]) and fits_name(rest, name[1:])
    if first == "\\":
        first, rest = rest[0], rest[1:]
    elif first == "?":
        first = name[:1]
    return bool(name) and name[0] == first and fits_name(rest, name[1:])


def _is_member(members: str, letter: str) -> bool:
    if members[0] in "!^":
        return not _is_member(members[1:], letter)
    spans = [(members[at], members[at + 2]) for at in range(len(members) - 2) if members[at + 1] == "-"]
    return letter in members.replace("-", "") or any(low <= letter <= high for low, high in spans)


def fits_path(pattern: str, path: str) -> bool:
    """Tell whether a wildcard (without its `!`) matches a file: itself, or a folder that it lies in."""
    names, parts = path.split("/"), pattern.strip("/").split("/")
    if "/" not in pattern.removesuffix("/"):
        parts = ["**", *parts]
    if pattern.endswith("/"):
        parts = [*parts, "**"] if parts[-1] != "**" else [*parts, "*", "**"]
    return any(_fit(parts, names[:length]) for length in range(1, len(names) + 1))


def _fit(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether names fit parts one by one; `**` at the end stands for at least one name, anywhere else for any number."""
    if not parts:
        return not names
    if parts[0] == "**":
        least = 1 if len(parts) == 1 else 0
        return any(_fit(parts[1:], names[skip:]) for skip in range(least, len(names) + 1))
    return bool(names) and fits_name(parts[0], names[0]) and _fit(parts[1:], names[1:])


def is_own(patterns: Sequence[str], path: str) -> bool:
    """Tell whether a file is of the service of these wildcards: the last one that matches decides."""
    last = [one for one in patterns if not one.startswith("#") and fits_path(one.removeprefix("!"), path)][-1:]
    return bool(last) and not last[0].startswith("!")
