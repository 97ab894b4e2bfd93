"""Which kinds of events are changes, and how long before a problem one of each may have begun to be its cause.

What must change together: this table and the kinds in the bounded read of candidates.
"""

from types import MappingProxyType
from typing import Final

from causeline.query_api.questions.relation import span_of
from causeline.schemas.records.event import Event

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

CLOCK_ERROR: Final = 2 * MINUTE
"""How far apart two sources' clocks may be: a change that begins up to this long after the onset may still be its cause."""

LOOKBACKS: Final = MappingProxyType(
    {
        "deployment": 4 * HOUR,
        "release": 4 * HOUR,
        "change": 4 * HOUR,
        "flag": 4 * HOUR,
        "scale": 4 * HOUR,
        "config_change": DAY,
        "operation": DAY,
        "drift": DAY,
        "migration": 3 * DAY,
        "infrastructure": 3 * DAY,
    }
)
"""Kinds that are changes, by how long (ms) before the onset they are looked for."""

CUSTOM_LOOKBACK: Final = DAY
"""That of kinds which only the tenant's setting names as changes."""


def kinds_of_changes(custom_kinds: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return every kind that is a change, in order: what a ranking looks for, and no other."""
    return tuple(sorted(LOOKBACKS.keys() | custom_kinds))


def lookback_of(kind: str, custom_kinds: frozenset[str] = frozenset(), before: int | None = None) -> int | None:
    """Return how long (ms) before an onset a kind of change is looked for, None for kinds that are no changes. `before` replaces it."""
    lookback = LOOKBACKS.get(kind, CUSTOM_LOOKBACK if kind in custom_kinds else None)
    return lookback if lookback is None or before is None else before


def is_in_reach(event: Event, onset: int, lookback: int) -> bool:
    """Tell whether an event's span touches [onset - lookback, onset + clock error], both ends included (ms UTC)."""
    first, last = span_of(event)
    return first <= onset + CLOCK_ERROR and last >= onset - lookback
