"""Which files are a service's: git's wildcards, and when two texts name one repository. Pure.

A pattern becomes a regular expression that goes back and forth over a path, and both are written by tenants. Bounds of both keep the worst
pair at 0.3 s (`**/x/**/*a*a*b` on 390 characters), where one `*` more takes a minute.
"""

import re
from collections.abc import Sequence
from typing import Final

from pathspec import GitIgnoreSpec

MAX_FILE_PATH: Final = 400
"""Characters of a path that is looked at: nothing longer is a file of a repository."""
_MAX_DEEP: Final = 2
_MAX_MORE: Final = 2
_ANY_FOLDERS: Final = "**"
_WILD: Final = re.compile(r"[*?\[\\]")
_ADDRESS: Final = re.compile(r"^(?:[a-z][a-z0-9+.-]*://(?:[^/@]*@)?|[^/@]+@(?=[^/:]+:))", re.IGNORECASE)


def refusal_of_pattern(pattern: str) -> str:
    """Return what is wrong with a wildcard, empty where nothing is."""
    names = pattern.strip("/").split("/")
    if names[:-1].count(_ANY_FOLDERS) > _MAX_DEEP:
        return f"has more than {_MAX_DEEP} ** between its names"
    if sum(max(name.count("*") - 1, 0) for name in names if name != _ANY_FOLDERS) > _MAX_MORE:
        return f"has too many *: of all its names together at most {_MAX_MORE} beyond the first one of each"
    try:
        GitIgnoreSpec.from_lines([pattern])
    except (ValueError, re.error):
        return "is not a wildcard as in a .gitignore"
    return ""


class FilePatterns:
    """The wildcards of one service. The last one that matches a file decides, and `!` takes files out, as in a .gitignore."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._spec: Final = GitIgnoreSpec.from_lines(patterns)
        beginnings = tuple(map(_beginning, (one for one in patterns if not one.startswith(("!", "#")))))
        self._beginnings: Final = beginnings if all(beginnings) else ("",)

    def match(self, path: str) -> bool:
        """Tell whether a file is the service's. In a large repository nearly none is, as its beginning tells at once."""
        return path.startswith(self._beginnings) and self._spec.match_file(path)


def _beginning(pattern: str) -> str:
    """Return what every file that a pattern matches begins with, empty where that may be anything."""
    if "/" not in pattern.rstrip("/") or "//" in pattern:
        return ""
    return _WILD.split(pattern.removeprefix("/"), maxsplit=1)[0]


def is_same_repo(one: str, other: str) -> bool:
    """Tell whether two texts may name one repository: the same, one of them unnamed, or `shop/checkout` beside its whole address.

    Scheme, user, `.git` and letter case do not matter: CI names the address it cloned, a catalog the organisation and the name.
    """
    first, second = _repo_path(one), _repo_path(other)
    if not first or not second or first == second:
        return True
    shorter, longer = sorted((first, second), key=len)
    return "/" in shorter and longer.endswith(f"/{shorter}")


def _repo_path(text: str) -> str:
    address = text.strip()
    rest = _ADDRESS.sub("", address)
    if rest != address and "://" not in address:
        rest = rest.replace(":", "/", 1)  # git@host:shop/checkout
    return rest.strip("/").removesuffix(".git").casefold()
