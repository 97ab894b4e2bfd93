"""The newest ranking of each problem, as a worker has read it from `causeline.causes`, and a short wait for the first one.

A problem is ranked moments after it opens, and so is its message sent: a message that waits for the ranking says what did it, one that does
not says nothing of it for good. So it waits a little, few do at a time, and nobody waits in their place.
"""

import asyncio
from collections import Counter
from typing import Final

import msgspec

from causeline.processors.workers.cause_summaries import CauseSummary, summarize
from causeline.schemas import telemetry
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec

MOST_PROBLEMS: Final = 100_000
"""Rankings remembered: some 500 bytes each, 2 KB at most."""
MOST_WAITING: Final = 64
"""Attempts that wait at once: a quarter of those that a worker has under way (`--delivery-concurrency`)."""
MOST_SILENT: Final = 8
"""Waits in vain, one after the other, after which nobody waits until another ranking comes: who publishes them is away."""
_BEGINNINGS: Final = frozenset({"opened", "reopened"})

_packer: Final = msgspec.msgpack.Encoder()
_unpacker: Final = msgspec.msgpack.Decoder(CauseSummary)


class KnownCauses:
    """The ProblemCauses over a topic: `apply` takes each of its records. All of it belongs to one event loop.

    `patience_ms` is how long the message of a problem that began waits for its first ranking, counted from when it was first handed out: so
    one that lay before a worker, or is tried again, waits less or not at all, and no lease runs out by it. At most `most_waiting` wait at
    once, and three quarters of them of one tenant. Beyond `most_problems` closed problems are forgotten first, then those that were ranked
    longest ago.
    """

    def __init__(self, patience_ms: int, most_waiting: int = MOST_WAITING, most_problems: int = MOST_PROBLEMS) -> None:
        self._patience_ms: Final = patience_ms
        self._most_waiting: Final = most_waiting
        self._most_problems: Final = most_problems
        # Packed: an object a cause would take five times as much. In the order in which they were ranked.
        self._open: Final[dict[str, bytes]] = {}
        self._closed: Final[dict[str, bytes]] = {}
        self._awaited: Final[dict[tuple[str, str], list[asyncio.Future[None]]]] = {}
        self._tenants: Final[Counter[str]] = Counter()
        self._vain_waits = 0
        self._is_released = False

    def __len__(self) -> int:
        return len(self._open) + len(self._closed)

    @property
    def waiting(self) -> int:
        """Return how many attempts wait now."""
        return self._tenants.total()

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take in a record of the topic; a tombstone, or the last one of a deleted problem, takes it away. Raises CodecError."""
        revision = None if value is None else codec.decode_record(value, CauseRevision)
        problem = key.decode() if revision is None else revision.id
        self._open.pop(problem, None)
        self._closed.pop(problem, None)
        if revision is None or revision.is_deleted:
            return
        self._vain_waits = 0
        table = self._open if revision.state == "open" else self._closed
        table[problem] = _packer.encode(summarize(revision))
        if len(self) > self._most_problems:
            longest = self._closed or self._open
            del longest[next(iter(longest))]
        for future in self._awaited.pop((revision.tenant, problem), ()):
            if not future.done():
                future.set_result(None)

    def get(self, tenant: str, problem: str) -> CauseSummary | None:
        """Return the newest ranking of a tenant's problem, None where none is known."""
        record = self._open.get(problem) or self._closed.get(problem)
        summary = None if record is None else _unpacker.decode(record)
        return summary if summary is not None and summary.tenant == tenant else None

    async def find(self, problem: Problem, waited_ms: int) -> CauseSummary | None:
        """See ProblemCauses."""
        summary = self.get(problem.tenant, problem.id)
        left_ms = min(self._patience_ms, self._patience_ms - waited_ms)
        if summary is not None or problem.transition not in _BEGINNINGS or left_ms <= 0:
            return summary
        if self._is_released or self._vain_waits >= MOST_SILENT or not self._has_place(problem.tenant):
            telemetry.DELIVERY_CAUSES_AWAITED.labels("silent" if self._vain_waits >= MOST_SILENT else "crowded").inc()
            return None
        await self._wait(problem, left_ms / 1_000)
        summary = self.get(problem.tenant, problem.id)
        self._vain_waits += summary is None
        telemetry.DELIVERY_CAUSES_AWAITED.labels("late" if summary is None else "came").inc()
        return summary

    def release(self) -> None:
        """Let nobody wait any more: the worker stops."""
        self._is_released = True
        for futures in self._awaited.values():
            for future in futures:
                if not future.done():
                    future.set_result(None)

    def _has_place(self, tenant: str) -> bool:
        return self.waiting < self._most_waiting and self._tenants[tenant] < max(1, self._most_waiting * 3 // 4)

    async def _wait(self, problem: Problem, seconds: float) -> None:
        future, place = asyncio.get_running_loop().create_future(), (problem.tenant, problem.id)
        self._awaited.setdefault(place, []).append(future)
        self._tenants[problem.tenant] += 1
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._tenants[problem.tenant] -= 1
            if not self._tenants[problem.tenant]:
                del self._tenants[problem.tenant]
            futures = self._awaited.get(place)
            if futures is not None and future in futures:
                futures.remove(future)
                if not futures:
                    del self._awaited[place]
