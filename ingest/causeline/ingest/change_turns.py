"""Whose turn it is to change the configuration through one server: one request of a key (a tenant, a subscription) after the other."""

import asyncio
from typing import Final
from weakref import WeakValueDictionary


class ChangeTurns:
    """A lock a key, as long as somebody holds or awaits it. All of it belongs to one event loop."""

    def __init__(self) -> None:
        self._locks: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._locks)

    def of(self, key: str) -> asyncio.Lock:
        """Return the lock of a key, to be entered at once: nothing else keeps it."""
        return self._locks.setdefault(key, asyncio.Lock())
