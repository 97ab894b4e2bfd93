"""Instants at which a state key wants to be looked at, in order.

Deletion is lazy: an entry only says "look at this key now", the state says whether its instant has come, has moved or is gone. So a
refresh that moves a deadline back costs nothing here. A round must not change what is in memory before it is committed, so it reads
the heap through a `TimerView` view, which walks the heap in order without taking anything out and keeps its own new entries; `adopt` then
does to the heap what the view did in thought.
"""

from heapq import heappop, heappush
from typing import Final

MAX_TIME: Final = 9_214_646_400_000
"""2262, where ClickHouse's DateTime64 ends (ms UTC). Task time never runs back, so no damaged record may carry it further."""

_OWN = -1
"""The place of an entry that the round itself scheduled."""


class Timers:
    """The heap of one partition: (instant in ms UTC, state key)."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, bytes]] = []

    def schedule(self, at: int, key: bytes) -> None:
        """Ask to look at a key once task time has reached `at`."""
        heappush(self.heap, (at, key))

    def adopt(self, view: "TimerView") -> None:
        """Take over what a round did: the entries that it popped go, those that it scheduled and did not pop come."""
        for _ in range(view.pops):
            heappop(self.heap)
        for at, key, place in view.heap:
            if place == _OWN:
                heappush(self.heap, (at, key))


class TimerView:
    """The timers as one round sees them. `due` is the earliest instant of any entry, None without one."""

    def __init__(self, timers: Timers) -> None:
        self._base = timers.heap
        self.heap: list[tuple[int, bytes, int]] = []
        self.pops = 0
        self.due: int | None = None
        self._reveal(0)

    def schedule(self, at: int, key: bytes) -> None:
        """Ask to look at a key once task time has reached `at`."""
        heappush(self.heap, (at, key, _OWN))
        self.due = self.heap[0][0]

    def pop(self) -> tuple[int, bytes]:
        """Return and remove the earliest entry, equal ones at once. Raises IndexError where there is none."""
        at, key = self._pop()
        while self.heap and self.heap[0][:2] == (at, key):
            self._pop()
        self.due = self.heap[0][0] if self.heap else None
        return at, key

    def _pop(self) -> tuple[int, bytes]:
        at, key, place = heappop(self.heap)
        if place != _OWN:
            # In a binary heap the next smallest entries are among the children of those already taken.
            self.pops += 1
            self._reveal(2 * place + 1)
            self._reveal(2 * place + 2)
        return at, key

    def _reveal(self, place: int) -> None:
        if place < len(self._base):
            at, key = self._base[place]
            heappush(self.heap, (at, key, place))
            self.due = self.heap[0][0]
