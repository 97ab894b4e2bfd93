"""When two texts name one repository. Pure."""

import re
from typing import Final

MAX_REPO: Final = 1_000
"""Characters of a name that is looked at."""
_ADDRESS: Final = re.compile(r"^(?:[a-z][a-z0-9+.-]*://(?:[^/@]*@)?|[^/@]+@(?=[^/:]+:))", re.IGNORECASE)


def is_same_repo(one: str, other: str) -> bool:
    """Tell whether two texts may name one repository: the same, one of them unnamed, or `shop/checkout` beside its whole address.

    Scheme, user, `.git` and letter case do not matter: CI names the address it cloned, a catalog the organisation and the name.
    """
    return may_be_one_repo(repo_path(one), repo_path(other))


def may_be_one_repo(one: str, other: str) -> bool:
    """Tell the same of two paths that `repo_path` returned."""
    if not one or not other or one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return "/" in shorter and longer.endswith(f"/{shorter}")


def repo_path(text: str) -> str:
    """Return what two names of one repository have in common. What is too long to be one is cut."""
    address = text[:MAX_REPO].strip()
    rest = _ADDRESS.sub("", address)
    if rest != address and "://" not in address:
        rest = rest.replace(":", "/", 1)  # git@host:shop/checkout
    return rest.strip("/").removesuffix(".git").casefold()
