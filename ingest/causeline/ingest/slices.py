"""Long work in slices: after each, whoever waits in the event loop has a turn.

A slice is as much as takes some milliseconds, counted in what the work is made of rather than in time, so that it is the same everywhere.
"""

import asyncio
from typing import Final

SLICE: Final = 16 << 10
"""Weight of a slice, 3 ms of work: bytes that are read or written, and `PIECE` for each piece of it. A request of another client takes
dozens of turns, and waits for a slice at each of them."""
PIECE: Final = 1 << 10


class Slices:
    """Counts the work of one task."""

    def __init__(self) -> None:
        self._weight = 0

    async def add(self, size: int) -> None:
        """Count a piece of work of so many bytes that has been done; where that makes a slice, let others run."""
        self._weight += PIECE + size
        if self._weight >= SLICE:
            self._weight = 0
            await asyncio.sleep(0)
