"""What this process wrote a moment ago, so that a read by id waits for exactly that position and for nothing else.

Bounded twice. By time: a position older than the longest wait for the rows (5 s) is applied, or the reader's miss is told from the whole
log. By number: 25,000 events/s for 10 s are 250,000 entries of about 300 bytes, 75 MB, hence the default of 100,000; a
forgotten entry costs a reader one more wait, never a wrong "not found".
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

_TTL_S: Final = 10.0
_LIMIT: Final = 100_000


class _Entry(NamedTuple):
    partition: int
    offset: int
    at: float


class RecentWrites:
    """Ids to their newest position on the ingest log. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float], *, ttl_s: float = _TTL_S, limit: int = _LIMIT) -> None:
        self.clock: Final = clock
        self._ttl_s = ttl_s
        self._limit = limit
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def wrote(self, event_id: str, position: tuple[int, int]) -> None:
        """Remember (partition, offset) of the newest record about an event; the oldest entries give way."""
        now = self.clock()
        self._entries[event_id] = _Entry(*position, now)
        self._entries.move_to_end(event_id)
        while len(self._entries) > self._limit or next(iter(self._entries.values())).at <= now - self._ttl_s:
            self._entries.popitem(last=False)

    def position(self, event_id: str) -> tuple[int, int] | None:
        """Return (partition, offset) of what was written within the last `ttl_s`, None for anything else."""
        entry = self._entries.get(event_id)
        if entry is None or entry.at <= self.clock() - self._ttl_s:
            return None
        return entry.partition, entry.offset

    def applied(self, event_id: str, position: tuple[int, int]) -> None:
        """Forget a position that has reached the rows, unless a newer one took its place."""
        entry = self._entries.get(event_id)
        if entry is not None and (entry.partition, entry.offset) == position:
            del self._entries[event_id]
