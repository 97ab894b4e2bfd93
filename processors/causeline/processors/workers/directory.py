"""The subscriptions by id: kept up to date record by record, as `causeline.config` is followed."""

import asyncio
from typing import Final

import msgspec

from causeline.schemas.records.config import Value
from causeline.schemas.subscriptions.rules import Subscription, held_in

_WAIT_S: Final = 5.0


class KnownSubscriptions:
    """The Directory over a fold of the configuration: `apply` is its listener. Both belong to one event loop."""

    def __init__(self, wait_s: float = _WAIT_S) -> None:
        self._wait_s = wait_s
        self._by_id: dict[str, Subscription] = {}
        self._ids: dict[tuple[str, str], list[str]] = {}
        self._changed = asyncio.Event()

    def apply(self, kind: str, key: str, value: Value | None) -> None:
        """Take in what a key holds now (None: nothing). A value that cannot be read holds no subscription."""
        place = (kind, key)
        for old_id in self._ids.pop(place, ()):
            self._by_id.pop(old_id, None)
        try:
            subscriptions = held_in(kind, value or {}) if value else []
        except msgspec.ValidationError:
            subscriptions = []
        if subscriptions:
            self._ids[place] = [subscription.rule.id for subscription in subscriptions]
            self._by_id.update((subscription.rule.id, subscription) for subscription in subscriptions)
        self._changed.set()
        self._changed = asyncio.Event()

    async def find(self, subscription: str, revision: int) -> Subscription | None:
        """Return the subscription as of `revision` at least, None where it does not come in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                while True:
                    current = self._by_id.get(subscription)
                    if current is not None and current.rule.revision >= revision:
                        return current
                    await self._changed.wait()
        except TimeoutError:
            return None
