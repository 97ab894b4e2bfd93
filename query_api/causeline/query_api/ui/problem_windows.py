"""Which stretch of time a problem's page shows, and where its earlier and later ones are. Pure; ms UTC."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from causeline.schemas.values.times import ms_of

_HOUR: Final = 3_600_000
_BEFORE: Final = 2 * _HOUR
_AFTER_END: Final = _HOUR // 4
_LEAST: Final = 60_000
_LONGEST: Final = 24 * _HOUR
"""Of a problem that lasts for days its first day is shown: what came later did not do it."""
MOST_HOURS: Final = 72
"""How far the window moves either way: the longest that a kind of change is looked back for."""


class ProblemWindow(NamedTuple):
    """[from_ms, to_ms) of a problem that began at `onset`, moved by some hours from where it lies by itself."""

    from_ms: int
    to_ms: int
    onset: int
    hours: int

    @property
    def reference(self) -> int:
        """Return the time in the window that changes are compared with: the onset, or the edge that is next to it."""
        return min(max(self.onset, self.from_ms), self.to_ms)


def place_window(problem: Mapping[str, Any], now: int, hours: int) -> ProblemWindow:
    """Return two hours before a problem to now, or to a quarter of an hour after its end, all of it moved by `hours`."""
    onset = ms_of(problem["start"])
    end = now if problem["end"] is None else min(now, ms_of(problem["end"]) + _AFTER_END)
    move = min(max(hours, -MOST_HOURS), MOST_HOURS)
    last = min(max(end, onset + _LEAST), onset + _LONGEST)
    return ProblemWindow(onset - _BEFORE + move * _HOUR, last + move * _HOUR, onset, move)


def read_hours(text: str) -> int:
    """Return how far an address moves the window, 0 where it does not say so as a whole number."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(MOST_HOURS)) else 0
