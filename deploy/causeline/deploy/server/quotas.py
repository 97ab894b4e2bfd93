"""How many events a tenant may send: counted where they are known exactly, in front of the ingest log.

The window is `limits`' sliding counter: two numbers a tenant, whatever the rate (its moving window would keep one entry an event). A
request is stored whole or not at all. Reads are not counted. Each server process counts for itself.
"""

import math
from collections.abc import Mapping, Sequence
from time import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from causeline.ingest.ports import EventLog, Position
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import OverQuota, TooLarge

WINDOW_S: Final = 10
"""A tenant may spend ten seconds' worth at once: a CI fleet comes in bursts. Over two windows its rate is what the setting says."""


class Quotas:
    """The quotas of all tenants; `per_second` 0 is none, `single` replaces it for the tenants that it names."""

    def __init__(self, per_second: int, single: Mapping[str, int]) -> None:
        self._general = _item(per_second)
        self._single = {tenant: _item(number) for tenant, number in single.items()}
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    @property
    def any(self) -> bool:
        """Whether there is anything to count."""
        return self._general is not None or any(self._single.values())

    def look(self, tenant: str) -> None:
        """Refuse a request of a tenant that has nothing left, before its body is parsed. Raises OverQuota."""
        item = self._single.get(tenant, self._general)
        if item is not None and not self._counter.test(item, tenant):
            raise self._over(item, tenant)

    def spend(self, tenant: str, events: int) -> None:
        """Count events. Raises OverQuota and counts none, or TooLarge where waiting would not help."""
        item = self._single.get(tenant, self._general)
        if item is None or self._counter.hit(item, tenant, cost=events):
            return
        if events > item.amount:
            raise TooLarge(f"{events} events are more than the quota of {item.amount} in {WINDOW_S} s: send them in smaller requests")
        raise self._over(item, tenant)

    def _over(self, item: RateLimitItem, tenant: str) -> OverQuota:
        wait = math.ceil(self._counter.get_window_stats(item, tenant).reset_time - time())
        message = f"the tenant sent more than {item.amount // WINDOW_S} events a second ({item.amount} in {WINDOW_S} s)"
        return OverQuota(message, min(WINDOW_S, max(1, wait)))


def _item(per_second: int) -> RateLimitItem | None:
    return RateLimitItemPerSecond(per_second * WINDOW_S, WINDOW_S) if per_second else None


class QuotaLog:
    """An EventLog that takes what a tenant's quota allows and hands it to the log behind."""

    def __init__(self, log: EventLog, quotas: Quotas) -> None:
        self._log = log
        self._quotas = quotas

    async def append(self, records: Sequence[IngestRecord]) -> list[Position]:
        """See EventLog.append. Raises OverQuota before anything is stored; the records of one append are one tenant's."""
        if records:
            self._quotas.spend(records[0].tenant, len(records))
        return await self._log.append(records)

    async def broadcast(self, record: IngestRecord) -> list[Position]:
        """See EventLog.broadcast. What is told to every partition is no event and is not counted."""
        return await self._log.broadcast(record)
