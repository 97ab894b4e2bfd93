"""How long clients waited: for a write to be acknowledged, and for an acknowledged event to be listed."""

from dataclasses import dataclass


@dataclass
class Gaps:
    """Folds what clients saw, in seconds. `writes` is the longest time without any acknowledgement, `lists` the longest until listed."""

    writes: float = 0.0
    lists: float = 0.0
    _last: float | None = None

    def note_write(self, at: float) -> None:
        """Note that a write was acknowledged at `at` (monotonic seconds)."""
        if self._last is not None:
            self.writes = max(self.writes, at - self._last)
        self._last = at

    def note_listing(self, after: float) -> None:
        """Note that an event was listed so many seconds after it was acknowledged."""
        self.lists = max(self.lists, after)
