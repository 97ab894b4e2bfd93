"""The tasks of publishing: one a partition that follows it, some that rank, one that looks at the time, and the membership of the group.

Whatever fails is begun again after a pause: the log is the state, and nobody else of this process waits for rankings.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

import structlog

from causeline.query_api.publishing.book import Book
from causeline.query_api.publishing.ports import CauseLog, CausePartition, Displaced, LogFailure, PublishingClock
from causeline.query_api.publishing.publisher import Publisher
from causeline.schemas.records.causes import Occasion
from causeline.schemas.telemetry import RANKING_FAILURES

_log = structlog.get_logger(__name__)

_WORKERS: Final = 2
"""Rankings are made in threads beside the loop, for one tenant each: more would take the processors from who answers."""
_LOOK_S: Final = 1.0
WATCH_S: Final = 15.0
_REOPEN_S: Final = 1.0
_DISPLACED_S: Final = 10.0
"""Longer than a session lasts: whoever opened a partition of ours either has it, and the group says so by then, or is gone."""
_REVOKE_S: Final = 5.0


class Publishing:
    """Publishes until stopped."""

    def __init__(self, log: CauseLog, publisher: Publisher, clock: PublishingClock) -> None:
        self._cause_log: Final = log
        self._publisher: Final = publisher
        self._clock: Final = clock
        self._stop: Final = asyncio.Event()
        self._wakes: Final = asyncio.Event()
        self._owning: Final[set[asyncio.Task[None]]] = set()
        publisher.woken = self._wakes.set

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stop.set()

    def note(self, tenant: str, problem_id: str | None, occasion: Occasion) -> None:
        """See Publisher.note."""
        self._publisher.note(tenant, problem_id, occasion)

    async def run(self) -> None:
        """Publish until `stop`; return when every partition is closed and the group is left."""
        tasks = [
            asyncio.create_task(work()) for work in (self._until_stop, self._belong, self._look, self._watch, *[self._rank] * _WORKERS)
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self.revoked()
        for task in tasks:
            if not task.cancelled():
                task.result()

    def assigned(self, partitions: Sequence[int]) -> None:
        """Begin to follow partitions (Owner)."""
        for number in partitions:
            task = asyncio.create_task(self._own(number), name=f"publishes causes of partition {number}")
            self._owning.add(task)

    async def revoked(self) -> None:
        """End the work on all partitions (Owner)."""
        owning = set(self._owning)
        self._owning.clear()
        for task in owning:
            task.cancel()
        if owning:
            await asyncio.wait(owning, timeout=_REVOKE_S)

    async def _until_stop(self) -> None:
        await self._stop.wait()

    async def _belong(self) -> None:
        while True:
            try:
                await self._cause_log.serve(self)
            except LogFailure as error:
                RANKING_FAILURES.labels("log").inc()
                _log.warning("rankings cannot be published now", reason=repr(error))
            await self.revoked()
            await self._clock.sleep(_REOPEN_S)

    async def _own(self, number: int) -> None:
        """Follow a partition until cancelled, and open it again where that fails."""
        while True:
            pause = _REOPEN_S
            try:
                partition = await self._cause_log.open(number)
                try:
                    await self._follow(partition)
                finally:
                    self._publisher.disown(number)
                    await partition.close()
            except LogFailure as error:
                is_displaced = isinstance(error, Displaced)
                pause = _DISPLACED_S if is_displaced else _REOPEN_S
                RANKING_FAILURES.labels("displaced" if is_displaced else "log").inc()
                _log.warning("a partition's rankings cannot be published now", partition=number, reason=repr(error))
            except Exception:  # noqa: BLE001 - a fault here must not end whoever answers and stores beside it
                RANKING_FAILURES.labels("error").inc()
                _log.exception("publishing failed", partition=number)
            await self._clock.sleep(pause)

    async def _follow(self, partition: CausePartition) -> None:
        book = Book()
        while not partition.is_restored:
            for record in await partition.read():
                book.take(record)
        await self._publisher.own(partition, book)
        while True:
            self._publisher.take(partition.number, await partition.read())

    async def _rank(self) -> None:
        while True:
            self._wakes.clear()
            if not await self._try(self._publisher.publish()):
                await self._wakes.wait()

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_S)
            await self._try(self._publisher.wake())

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(WATCH_S)
            await self._try(self._publisher.watch())

    async def _try(self, work: Awaitable[bool]) -> bool:
        """Return what there was to do; a fault is logged, and there may be more to do after a pause."""
        try:
            return await work
        except Exception:  # noqa: BLE001 - a fault here must not end whoever answers and stores beside it
            RANKING_FAILURES.labels("error").inc()
            _log.exception("publishing failed")
            await self._clock.sleep(_REOPEN_S)
            return True
