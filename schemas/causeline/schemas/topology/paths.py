"""Which files a service says are its own: git's wildcards, each read into names. Pure.

As in a `.gitignore`: a pattern without a slash in it is looked for in every folder, any other one from the root on; `**` stands for any
folders; what matches a folder matches all that lies in it; a slash at the end means folders only; `!` takes out.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from causeline.schemas.topology.globs import NameGlob, parse_name

MAX_FILE_PATH: Final = 400
"""Characters of a pattern, and of a path that is looked at: nothing longer is a file of a repository."""
_ANY_FOLDERS: Final = "**"


class Wildcard(NamedTuple):
    """A pattern. `names` are texts, globs, and None for any folders, which never is the last one nor stands beside another.

    `is_within`: it means what lies within what the names match, not that itself. `includes` is False behind a `!`.
    """

    names: tuple[str | NameGlob | None, ...]
    is_within: bool
    includes: bool


def parse_wildcard(text: str) -> Wildcard | None:
    """Return what a pattern says, None where it is a remark (`#`). Raises ValueError saying what is wrong with it."""
    if text.startswith("#"):
        return None
    body = text.removeprefix("!")
    is_within = body.endswith("/")
    body = body.removesuffix("/")
    names = body.removeprefix("/").split("/")
    if "" in names:
        raise ValueError("has a name without letters")
    if "/" not in body:
        names.insert(0, _ANY_FOLDERS)
    if is_within and names[-1] == _ANY_FOLDERS:
        names.append("*")  # any folders, but folders they are
    while names and names[-1] == _ANY_FOLDERS:
        names.pop()
        is_within = True
    parts = [None if name == _ANY_FOLDERS else parse_name(name) for name in names]
    alone = tuple(part for place, part in enumerate(parts) if part is not None or place == 0 or parts[place - 1] is not None)
    return Wildcard(alone, is_within, includes=not text.startswith("!"))


def refusal_of_pattern(pattern: str) -> str:
    """Return what is wrong with a wildcard, empty where nothing is."""
    try:
        parse_wildcard(pattern)
    except ValueError as error:
        return f"is not a wildcard as in a .gitignore: it {error}"
    return ""


def count_names(patterns: Iterable[str]) -> int:
    """Return how many names, between slashes, some patterns have: what they cost whoever keeps them."""
    return sum(pattern.count("/") + 1 for pattern in patterns)
