"""Which names a text may have meant that is none: the ones that share most runs of three letters with it. Pure.

It is asked where a name is mistyped or was renamed, among all names of a tenant at most: a look for each run in each name, some
milliseconds of ten thousand names, and no index that every change of a service would make anew.
"""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

_RUN: Final = 3
_LONGEST: Final = 200
"""Characters of a text that are looked at: as many as a name of a service has at most."""
_LEAST: Final = 0.3
"""Common runs as a part of all (Dice's coefficient): below it two names have little more in common than the words of a fleet."""


def nearest_names(text: str, names: Iterable[str], most: int) -> list[str]:
    """Return at most `most` of the names, the nearest first, in any letter case; none that has little in common with the text."""
    whole = _with_edges(text[:_LONGEST])
    runs = frozenset(whole[place : place + _RUN] for place in range(len(whole) - _RUN + 1))
    scores = ((-_likeness(runs, name), name) for name in names)
    return [name for score, name in nsmallest(most, (one for one in scores if one[0] <= -_LEAST))]


def _likeness(runs: frozenset[str], name: str) -> float:
    """Return the common runs as a part of all: 1 of the name itself."""
    edged_name = _with_edges(name)
    return 2 * sum(run in edged_name for run in runs) / (len(runs) + max(len(edged_name) - _RUN + 1, 1))


def _with_edges(text: str) -> str:
    """Return a text with an edge on both sides: how a name begins and ends says most."""
    return f" {text.strip().casefold()} "
