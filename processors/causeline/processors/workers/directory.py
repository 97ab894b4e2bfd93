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
        for gone in self._ids.pop(place, ()):
            self._by_id.pop(gone, None)
        try:
            held = held_in(kind, value or {}) if value else []
        except msgspec.ValidationError:
            held = []
        if held:
            self._ids[place] = [subscription.rule.id for subscription in held]
            self._by_id.update((subscription.rule.id, subscription) for subscription in held)
        self._changed.set()
        self._changed = asyncio.Event()

    async def known(self, subscription: str, revision: int) -> Subscription | None:
        """Return the subscription as of `revision` at least, None where it does not come in time."""
        try:
            async with asyncio.timeout(self._wait_s):
                while True:
                    found = self._by_id.get(subscription)
                    if found is not None and found.rule.revision >= revision:
                        return found
                    await self._changed.wait()
        except TimeoutError:
            return None
