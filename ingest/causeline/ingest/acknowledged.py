"""What this process acknowledged lately, by key: so that a key that comes again is answered by what is stored, not by what it says now.

The processors decide on keys; this is a memory beside them, which another server does not share and a restart forgets. What it does
not know is decided there alone. An entry is made once its record is durable, and lives a little less than the processors know the key, so
what is known here is known there. Requests that share a key take turns: the second one waits for what becomes of the first.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from operator import attrgetter
from typing import Final, Literal, NamedTuple

from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Unavailable

DEFAULT_WINDOW_MS: Final = 3_600_000
MAX_KEYS: Final = 100_000
"""Keys in all: some 300 bytes each, 30 MB."""
MAX_TENANT_KEYS: Final = 10_000
"""Keys of one tenant: the items of the largest request, 3 MB."""
_EARLIER: Final = 20
"""An entry ends a twentieth of the window early: 3 minutes of an hour, for the way to the processors."""
_TURN_S: Final = 5.0
"""What a request waits for another one with its key: as long as that one may wait for the broker."""

WAITED: Final[ContextVar[bool]] = ContextVar("waited", default=False)
"""Whether the request in this context waited for another one with its key: then the time it took is not that of writing."""

_DEDUP_KEY: Final = attrgetter("dedup_key")
_REQUEST_KEY: Final = attrgetter("request_key")


class First(NamedTuple):
    """What a key stood for when it came first: the fingerprint, the arrival (ms UTC), and the id of its event ('' for a request's key)."""

    fingerprint: int
    arrival: int
    id: str


KeyVerdict = First | Literal["new", "conflict", "request_conflict"]
"""What is known of a record's keys: the first one with its content, nothing, or that its own or its request's key said something else."""


def is_keyed(records: Sequence[IngestRecord]) -> bool:
    """Say whether any of the records has a key."""
    if len(records) == 1:
        return bool(records[0].dedup_key or records[0].request_key)
    return any(map(_DEDUP_KEY, records)) or any(map(_REQUEST_KEY, records))


class AcknowledgedKeys:
    """The memory of one process. `window_ms` is how long the processors know a key."""

    def __init__(self, window_ms: int = DEFAULT_WINDOW_MS, *, most: int = MAX_KEYS, most_of_tenant: int = MAX_TENANT_KEYS) -> None:
        self._life_ms = window_ms - window_ms // _EARLIER
        self._most, self._most_of_tenant = most, most_of_tenant
        self._tenants: dict[str, dict[str, First]] = {}
        self._size = 0
        self._under_way: dict[str, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return self._size

    @asynccontextmanager
    async def turn(self, records: Sequence[IngestRecord], now: int) -> AsyncIterator[list[KeyVerdict]]:
        """Yield a verdict for each record at `now` (ms UTC). Their new keys are remembered if the block ends well: it appends the records.

        Raises Unavailable where another request with one of the keys is under way for too long.
        """
        keys = {key for record in records for key, _ in _keys(record)}
        try:
            async with asyncio.timeout(_TURN_S):
                while waiting := {self._under_way[key] for key in keys & self._under_way.keys()}:
                    WAITED.set(True)
                    await asyncio.wait(waiting)
        except TimeoutError:
            raise Unavailable("another request with this idempotency key is under way: ask again", retry_after_s=1) from None
        verdicts, new = self._judge(records, now)
        future = asyncio.get_running_loop().create_future()
        self._under_way |= dict.fromkeys(new, future)
        try:
            yield verdicts
            self._remember(records, new, now)
        finally:
            for key in new:
                del self._under_way[key]
            future.set_result(None)

    def _judge(self, records: Sequence[IngestRecord], now: int) -> tuple[list[KeyVerdict], Mapping[str, First]]:
        """Return the verdicts, and what is new; a key that a request names twice is known to its second item."""
        new: dict[str, First] = {}
        verdicts: list[KeyVerdict] = []
        for record in records:
            verdict: KeyVerdict = "new"
            for key, fingerprint in _keys(record):
                of_request = key == record.request_key
                first = self._find(record.tenant, key, now) or new.get(key)
                if first is None:
                    new[key] = First(fingerprint, record.ingest_ts, "" if of_request else record.id)
                    verdict = "new"
                elif first.fingerprint != fingerprint:
                    verdict = "request_conflict" if of_request else "conflict"
                    break
                else:
                    verdict = first
            verdicts.append(verdict)
        return verdicts, new

    def _find(self, tenant: str, key: str, now: int) -> First | None:
        first = self._tenants.get(tenant, {}).get(key)
        return first if first is not None and now - first.arrival < self._life_ms else None

    def _remember(self, records: Sequence[IngestRecord], new: Mapping[str, First], now: int) -> None:
        for record in records:
            for key, _ in _keys(record):
                if key in new:
                    self._put(record.tenant, key, new[key], now)

    def _put(self, tenant: str, key: str, first: First, now: int) -> None:
        firsts = self._tenants.setdefault(tenant, {})
        self._size += key not in firsts
        firsts.pop(key, None)  # what is put again is the newest one
        firsts[key] = first
        while len(firsts) > self._most_of_tenant or now - next(iter(firsts.values())).arrival >= self._life_ms:
            self._drop(tenant, next(iter(firsts)))
        while self._size > self._most:
            # Who holds more than a fair share gives; where the writer does not, another one does.
            has_share = len(firsts) * len(self._tenants) >= self._most
            giver = tenant if has_share else max(self._tenants, key=lambda one: len(self._tenants[one]))
            self._drop(giver, next(iter(self._tenants[giver])))

    def _drop(self, tenant: str, key: str) -> None:
        firsts = self._tenants[tenant]
        del firsts[key]
        self._size -= 1
        if not firsts:
            del self._tenants[tenant]


def _keys(record: IngestRecord) -> Iterator[tuple[str, int]]:
    """Yield the keys of a record with what they stand for: its request's, then its own."""
    if record.request_key:
        yield record.request_key, record.request_fingerprint
    if record.dedup_key:
        yield record.dedup_key, record.fingerprint
