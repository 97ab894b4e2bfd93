"""What the DORA metrics ask a store, as values: events that may be deployments, and problems, of a window of facts.

Times are ms UTC; `from_ms` is inclusive, `to_ms` exclusive. `groups` is as in `query.py`.
"""

from typing import Final

import msgspec

from causeline.schemas.web.principal import Groups

COMMIT_KINDS: Final = ("commit", "change")
"""Kinds of events that say when a commit was."""
OPENING_KINDS: Final = ("incident", "recovery", "change")
"""Kinds of events that open problems."""
MOST_FACTS: Final = 300_000
"""Rows that one of these questions may be answered with: a thousand services that deploy three times a day, for a quarter."""

MOST_IDS: Final = 1_000
"""Events or problems that are asked for by their ids: what is named and lies outside of a window is a handful."""


class RolloutQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events may be deployments, or parts of one: they lie, or end, in the window.

    `services` are all names of those asked for, empty for any; an event without a service may be a part of one of theirs. So with
    `environments`, which are ASCII in lower case: those of events are compared without letter case, what is not ASCII is not told apart.
    `tags` are the names of those that are looked at. With `ids` only these events, whenever they were: `MOST_IDS` at once at most.
    """

    tenant: str
    groups: Groups = None
    from_ms: int
    to_ms: int
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


class IncidentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which problems were open at any moment of a window, as they are at `now`.

    A problem counts for who may see the event that opened it, as it is now. With `ids` only these, whenever they were.
    """

    tenant: str
    groups: Groups = None
    from_ms: int
    to_ms: int
    now: int
    ids: tuple[str, ...] = ()
