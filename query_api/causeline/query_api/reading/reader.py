"""Reads that see what was written before them: those by id always, lists where that costs little.

The rows follow the log within a second. A client that just got its answer must not be told "not found" meanwhile, so a read by id
waits: for the position that this process wrote, if it wrote the event; else, on a miss, for everything that was on the log when
the miss was seen. A hit never waits for the whole log, so the common read is one query. A list waits a moment for what its own tenant just
wrote through this process (`list_waits.py`).

Where ClickHouse has replicas, a read by id never comes from one that lacks what was acknowledged (`EventStore.fresh`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from causeline.query_api.ports import DeliveryStore, EventStore, Frontier
from causeline.query_api.questions.query import EventFilter, Page, ProblemHistory
from causeline.query_api.reading.list_waits import LIST_WAIT_S, ListWaits
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.web.principal import Groups

_Row = TypeVar("_Row")
_INT64: Final = range(-(1 << 63), 1 << 63)

BASE_S: Final = 60.0
"""How old the newest instant may be whose log is known to be in the rows when the base of a change is read.

The processors know a changed event for 10 minutes (`Settings.recent_ms`), and its version for two hours more. A change that this base
lacks came at most 60 s before it was read, and the change that is made of it is on the log at most 15 s later (5 s for a wait, 10 s until
a batch is given up): it meets what it missed, also where two clocks differ by minutes; where by an hour, that it missed something.
"""


class Reader:
    """The reading half of the application.

    It also is what ingest calls `CurrentEvents` and `OpenProblems`, by structure: the slices do not import each other.
    """

    def __init__(self, store: EventStore, frontier: Frontier, recent: RecentWrites) -> None:
        self._store: Final = store
        self.frontier: Final = frontier
        self._recent = recent
        self._waits: Final = ListWaits(recent.clock)

    @property
    def deliveries(self) -> DeliveryStore:
        """What was told to subscriptions, without waiting: it is there within a second."""
        return self._store.deliveries

    async def lists(self, tenant: str, *, problems: bool = False) -> EventStore:
        """Return the store to ask for lists, counts and windows of a tenant, in which what it just wrote is there if a moment was enough.

        `problems`: the question is about problems, whose signals may have been passed on to another partition.
        """
        positions = self._waits.worth(tenant, self.frontier.behind, with_forwarded=problems)
        if positions:
            missing = await self.frontier.missing(positions, LIST_WAIT_S, with_forwarded=problems)
            self._waits.waited(tenant, positions, missing, with_forwarded=problems)
        return self._store

    async def event(self, tenant: str, dialect: str | None, event_id: str, groups: Groups) -> Event | None:
        """Return an event by its UUID text, None if there is none (of that dialect, where one is given) or it is hidden from these groups.

        Raises `Unavailable` where the rows could not be read, or did not catch up with the log in time to say "not found".
        """
        event_id = event_id.lower()  # UUIDs are written in lower case and accepted in any (RFC 9562, 4)
        event = await self._read_fresh(event_id, lambda: self._store.fresh.event(tenant, event_id, groups))
        return event if event is not None and dialect in (None, event.dialect) else None

    async def event_by_low(self, tenant: str, low: int, ts: int | None, groups: Groups) -> Event | None:
        """Return an event by the signed low 64 bits of its id (DESK Events API v1, `storedIds` and `storedEventIds`).

        `ts` makes it a primary-key look-up. A push that was repeated with its idempotency key was answered with the time of the repeat,
        so a miss with `ts` is asked again without. Raises `Unavailable` as `event` does.
        """
        if low not in _INT64:
            return None
        event = await self._read_fresh("", lambda: self._store.fresh.event_by_low(tenant, low, ts, groups))
        return event if event is not None or ts is None else await self._store.fresh.event_by_low(tenant, low, None, groups)

    async def problem(self, tenant: str, problem_id: str, now: int) -> ProblemHistory | None:
        """Return a problem with its transitions, read as of `now` (ms UTC). Raises `Unavailable` as `event` does.

        Whoever just closed it sees it closed, as in a list. What opened it may have been passed on to another partition, so a miss is
        told only after the log was applied twice: the second time with what was passed on the first time.
        """
        problem_id = problem_id.lower()
        await self.lists(tenant, problems=True)
        ask = self._store.fresh.problem
        history = await self._read_fresh(problem_id, lambda: ask(tenant, problem_id, now))
        return history if history is not None else await self._ask_again(lambda: ask(tenant, problem_id, now))

    async def current(self, tenant: str, dialect: str, event_id: str, groups: Groups) -> Event | None:
        """Return the newest version of an event of a dialect, to be changed (ingest's `CurrentEvents`).

        Raises `Unavailable` where the rows are so far behind that the processors may have forgotten a change that these lack.
        """
        await self._await_base(event_id.lower())
        return await self.event(tenant, dialect, event_id, groups)

    async def current_several(self, tenant: str, dialect: str, event_ids: Sequence[str], groups: Groups) -> dict[str, Event]:
        """Return the newest versions of several events of a dialect, to be changed (ingest's `CurrentEvents`). Raises as `current` does."""
        for event_id in {self.frontier.partition(event_id): event_id for event_id in event_ids}.values():
            await self._await_base(event_id)
        for event_id in event_ids:
            await self._await_own_write(event_id)
        events = await self._store.fresh.events_by_id(tenant, event_ids, groups)
        if len(events) < len(event_ids):
            is_applied = await self.frontier.reach()
            events = await self._store.fresh.events_by_id(tenant, event_ids, groups)
            if len(events) < len(event_ids) and not is_applied:
                raise Unavailable("the stored events are behind the log: ask again", retry_after_s=1)
        return {event_id: event for event_id, event in events.items() if event.dialect == dialect}

    async def tagged(self, tenant: str, dialect: str, key: str, value: str, groups: Groups) -> Event | None:
        """Return the newest event of a dialect that has the tag, to be changed (ingest's `CurrentEvents`). Raises as `current` does."""
        row = await self._newest_tagged(tenant, dialect, key, value, groups)
        newest = await self.current(tenant, dialect, row.id, groups) if row is not None else None
        return newest if newest is not None and newest.tags.get(key) == value else None

    async def event_by_tag(self, tenant: str, dialect: str, key: str, value: str, groups: Groups) -> Event | None:
        """Return the newest event of a dialect that has the tag, to be shown. Raises `Unavailable` as `event` does.

        The row found may be older than what was acknowledged, so the event is read again by its id, which waits for its newest version.
        """
        row = await self._newest_tagged(tenant, dialect, key, value, groups)
        newest = await self.event(tenant, dialect, row.id, groups) if row is not None else None
        return newest if newest is not None and newest.tags.get(key) == value else None

    def wrote(self, event_id: str, position: tuple[int, int]) -> None:
        """Remember that this process wrote the event at (partition, offset) (ingest's `CurrentEvents`)."""
        self._recent.wrote(event_id, position)

    def appended(self, tenant: str, positions: Sequence[tuple[int, int]]) -> None:
        """Remember where this process just wrote a tenant's events (ingest's `CurrentEvents`)."""
        self._waits.wrote(tenant, positions)

    async def open_start(self, tenant: str, correlation_id: str, now: int) -> int | None:
        """Return the start of the problem that is open at `now` (ingest's `OpenProblems`), as the rows have it, without waiting."""
        problem = await self._store.open_problem(tenant, correlation_id, now)
        return None if problem is None else problem.start

    async def _newest_tagged(self, tenant: str, dialect: str, key: str, value: str, groups: Groups) -> Event | None:
        where = EventFilter(tenant=tenant, groups=groups, dialects=(dialect,), tags=((key, value),))

        async def first() -> Event | None:
            return next(iter(await self._store.fresh.events(where, Page(limit=1))), None)

        return await self._read_fresh("", first)

    async def _await_base(self, event_id: str) -> None:
        """Return once the rows of an event's partition are known to hold all that was on its log `BASE_S` ago."""
        partition = self.frontier.partition(event_id)
        if self.frontier.behind(partition) > BASE_S:
            await self.frontier.reach()
            if self.frontier.behind(partition) > BASE_S:
                raise Unavailable("the stored events are too far behind the log to be changed: ask again", retry_after_s=1)

    async def _read_fresh(self, written_id: str, ask: Callable[[], Awaitable[_Row | None]]) -> _Row | None:
        await self._await_own_write(written_id)
        row = await ask()
        return row if row is not None else await self._ask_again(ask)

    async def _await_own_write(self, written_id: str) -> None:
        """Wait until what this process wrote of an event last is applied, if it did lately."""
        position = self._recent.position(written_id)
        if position is not None and await self.frontier.reach(*position):
            self._recent.applied(written_id, position)

    async def _ask_again(self, ask: Callable[[], Awaitable[_Row | None]]) -> _Row | None:
        """Ask again once everything that is on the log now is applied."""
        is_applied = await self.frontier.reach()
        row = await ask()
        if row is None and not is_applied:
            raise Unavailable("the stored events are behind the log: ask again", retry_after_s=1)
        return row
