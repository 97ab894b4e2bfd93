"""Reads by id that see what was written before them; lists and searches go to the store as it is.

The rows follow the log within a second. A client that just got its answer must not be told "not found" meanwhile, so a read by id
waits: for the position that this process wrote, if it wrote the event; else, on a miss, for everything that was on the log when
the miss was seen. A hit never waits for the whole log, so the common read is one query.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from causeline.query_api.ports import EventStore, Frontier
from causeline.query_api.query import EventFilter, Groups, Page, ProblemHistory
from causeline.query_api.recent import RecentWrites
from causeline.schemas.errors import Unavailable
from causeline.schemas.event import Dialect, Event

_Row = TypeVar("_Row")
_INT64: Final = range(-(1 << 63), 1 << 63)


class Reader:
    """The reading half of the application. `store` is asked directly for lists, counts and windows.

    It also is what ingest calls `CurrentEvents` and `OpenProblems`, by structure: the slices do not import each other.
    """

    def __init__(self, store: EventStore, frontier: Frontier, recent: RecentWrites) -> None:
        self.store: Final = store
        self.frontier: Final = frontier
        self._recent = recent

    async def event(self, tenant: str, dialect: Dialect | None, event_id: str, groups: Groups) -> Event | None:
        """Return an event by its UUID text, None if there is none (of that dialect, where one is given) or it is hidden from these groups.

        Raises `Unavailable` where the rows could not be read, or did not catch up with the log in time to say "not found".
        """
        event_id = event_id.lower()  # UUIDs are written in lower case and accepted in any (RFC 9562, 4)
        found = await self._fresh(event_id, lambda: self.store.event(tenant, event_id, groups))
        return found if found is not None and dialect in (None, found.dialect) else None

    async def event_by_low(self, tenant: str, low: int, ts: int | None, groups: Groups) -> Event | None:
        """Return an event by the signed low 64 bits of its id (DESK Events API v1, `storedIds` and `storedEventIds`).

        `ts` makes it a primary-key look-up. A push that was repeated with its idempotency key was answered with the time of the repeat,
        so a miss with `ts` is asked again without. Raises `Unavailable` as `event` does.
        """
        if low not in _INT64:
            return None
        found = await self._fresh("", lambda: self.store.event_by_low(tenant, low, ts, groups))
        return found if found is not None or ts is None else await self.store.event_by_low(tenant, low, None, groups)

    async def problem(self, tenant: str, problem_id: str, now: int) -> ProblemHistory | None:
        """Return a problem with its transitions, read as of `now` (ms UTC). Raises `Unavailable` as `event` does."""
        problem_id = problem_id.lower()
        return await self._fresh(problem_id, lambda: self.store.problem(tenant, problem_id, now))

    async def current(self, tenant: str, dialect: Dialect, event_id: str, groups: Groups) -> Event | None:
        """Return the newest version of an event of a dialect (ingest's `CurrentEvents`)."""
        return await self.event(tenant, dialect, event_id, groups)

    async def tagged(self, tenant: str, dialect: Dialect, key: str, value: str, groups: Groups) -> Event | None:
        """Return the newest event of a dialect that has the tag (ingest's `CurrentEvents`).

        The row found may be older than what was acknowledged, so the event is read again by its id, which waits for its newest version.
        """
        where = EventFilter(tenant=tenant, groups=groups, dialects=(dialect,), tags=((key, value),))

        async def first() -> Event | None:
            return next(iter(await self.store.events(where, Page(limit=1))), None)

        found = await self._fresh("", first)
        newest = await self.event(tenant, dialect, found.id, groups) if found is not None else None
        return newest if newest is not None and newest.tags.get(key) == value else None

    def wrote(self, event_id: str, position: tuple[int, int]) -> None:
        """Remember that this process wrote the event at (partition, offset) (ingest's `CurrentEvents`)."""
        self._recent.wrote(event_id, position)

    async def open_start(self, tenant: str, correlation_id: str, now: int) -> int | None:
        """Return the start of the problem that is open at `now` (ingest's `OpenProblems`), as the rows have it, without waiting."""
        found = await self.store.open_problem(tenant, correlation_id, now)
        return None if found is None else found.start

    async def _fresh(self, written_id: str, ask: Callable[[], Awaitable[_Row | None]]) -> _Row | None:
        position = self._recent.position(written_id)
        if position is not None and await self.frontier.reach(*position):
            self._recent.applied(written_id, position)
        found = await ask()
        if found is not None:
            return found
        reached = await self.frontier.reach()
        found = await ask()
        if found is None and not reached:
            raise Unavailable("the stored events are behind the log: ask again", retry_after_s=1)
        return found
