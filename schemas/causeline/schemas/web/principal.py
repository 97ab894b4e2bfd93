"""Who is asking: a tenant, what may be done in it, and whose restricted events may be seen. Every transport turns credentials into this."""

import re
from typing import Final, Literal, NamedTuple, get_args

from causeline.schemas.web.http import Scope

TENANT: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""A tenant's name: what a path, a host name and a header can carry."""
DEFAULT_TENANT: Final = "default"
"""Whose events a request is about that names no tenant, while nobody is authenticated."""

GrantedScope = Literal["ingest", "read", "admin"]
SCOPES: Final[frozenset[str]] = frozenset(get_args(GrantedScope))


Groups = tuple[str, ...] | None
"""Whose restricted events are seen besides those without groups: None everybody's, () nobody's."""


class Principal(NamedTuple):
    """An authenticated caller. `scopes` are of `SCOPES`; `admin` includes the others, and sees the events of every group of its tenant."""

    tenant: str
    scopes: frozenset[str]
    groups: tuple[str, ...] = ()
    name: str = ""

    def may(self, scope: Scope) -> bool:
        """Return whether the caller has a scope."""
        return scope == "public" or scope in self.scopes or "admin" in self.scopes

    @property
    def visible_groups(self) -> Groups:
        """Return whose events the caller sees besides those without groups; None: everybody's."""
        return None if "admin" in self.scopes else self.groups
