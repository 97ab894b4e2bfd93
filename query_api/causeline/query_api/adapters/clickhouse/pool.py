"""One query on ClickHouse: in its turn, within its bounds, on a handle of those that all queries of a process share.

Rows come as JSON lines straight into records. Every query is bounded (`limits.py`): one that meets a bound is `TooMuch`, to be narrowed; a
server that does not answer is `Unavailable`, to be asked again. Tenants share the handles (`shares.py`). A query that nobody waits for any
more is dropped: from the queue, or killed in the engine; a handle that does not come back even so is given up (`handles.py`). One more
handle, apart, asks whether the store answers, and kills.
"""

import asyncio
import itertools
import os
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.query_api.adapters.clickhouse.handles import Handle, HandleBounds, Handles
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.reading.shares import Shares
from causeline.query_api.sql.statements import Query
from causeline.schemas.telemetry import QUERIES_REFUSED, QUERY_SECONDS
from causeline.schemas.web.errors import OverShare, Unavailable

_log = structlog.get_logger(__name__)
_Row = TypeVar("_Row")

_APART: Final = 8
"""Questions that may wait for the handle apart: a store that hangs gets no more of them."""
_AWAY_APART: Final = 2
"""Handles apart that may be given up and not come back: what they ask takes nothing, so a third one shows that the engine does nothing."""
_PROCESS: Final = f"causeline-{os.getpid()}-{os.urandom(4).hex()}"


class RowDecoder(Protocol[_Row]):
    """Makes rows of an answer."""

    def decode_lines(self, data: bytes, /) -> list[_Row]:
        """Return the rows in their order."""
        ...


class QueryPool:
    """`connect` opens one client on the database with Causeline's tables; it is called on the thread that will use it, at first use."""

    def __init__(self, connect: Callable[[], Client], limits: QueryLimits) -> None:
        self._limits: Final = limits
        self._handles: Final = Handles(connect, HandleBounds(limits.handles, limits.away, limits.overdue_s), "query")
        self._apart: Final = Handles(connect, HandleBounds(1, _AWAY_APART, limits.overdue_s), "query-apart")
        self._shares: Final = Shares(limits.handles, limits.waiting, limits.waiting_each)
        self._numbers: Final = itertools.count(1)
        self._waiting_apart = 0

    async def close(self) -> None:
        """Let running queries end, refuse others, and close the handles."""
        await self._handles.close()
        await self._apart.close()

    @property
    def stuck(self) -> str:
        """Say what cannot be had any more, '' where a query is answered or fails in time."""
        if self._handles.is_stuck:
            return f"all {self._limits.handles} handles on ClickHouse are overdue, and {self._handles.away} more did not come back"
        return "ClickHouse answers nothing any more" if self._apart.is_stuck else ""

    async def rows(self, query: Query, decoder: RowDecoder[_Row]) -> list[_Row]:
        """Return the rows of a query. Raises `TooMuch`, `OverShare`, or `Unavailable` (see EventStore)."""
        mark = f"{_PROCESS}-{next(self._numbers)}"
        running: asyncio.Future[bytes] | None = None
        try:
            async with asyncio.timeout(self._limits.within_s):
                await self._shares.enter(query.tenant)
                running = self._begin(query, mark)
                return decoder.decode_lines(await asyncio.shield(running))
        except (Unavailable, OverShare) as refusal:
            if running is None:
                QUERIES_REFUSED.labels(query.name, refusal.reason).inc()
            raise
        except TimeoutError as silence:
            message = "too many queries are waiting" if running is None else "the store does not answer"
            raise Unavailable(message, retry_after_s=1 if running is None else 5) from silence
        finally:
            if running is not None and not running.done():
                self._kill(mark)

    async def alone(self, query: Query, decoder: RowDecoder[_Row]) -> list[_Row]:
        """Return the rows of a query on the handle apart: it waits for no other query. Raises `Unavailable`."""
        return decoder.decode_lines(await self._run_apart(query))

    def _begin(self, query: Query, mark: str) -> "asyncio.Future[bytes]":
        """Begin a query on a place that was taken; the place is free again when its handle is, not when its client went away."""
        try:
            running = self._handles.run(lambda handle: self._ask(handle, query, mark))
        except Unavailable:
            self._shares.leave(query.tenant)
            raise
        running.add_done_callback(lambda _: self._shares.leave(query.tenant))
        return running

    def _kill(self, mark: str) -> None:
        """Stop a query that nobody waits for any more, as far as the store takes it: its own bound of time ends it anyway."""
        killing = Query("kill", f"KILL QUERY WHERE Settings['log_comment'] = '{mark}' ASYNC", {})
        try:
            task = asyncio.ensure_future(self._run_apart(killing))
        except RuntimeError:  # the loop ends, and the process with it
            return
        task.add_done_callback(lambda future: None if future.cancelled() else future.exception())

    async def _run_apart(self, query: Query) -> bytes:
        if self._waiting_apart >= _APART:
            raise Unavailable("the store does not answer")
        running = self._apart.run(lambda handle: self._ask(handle, query, ""))
        self._waiting_apart += 1
        running.add_done_callback(self._free_apart)
        return await asyncio.shield(running)

    def _free_apart(self, _: "asyncio.Future[bytes]") -> None:
        self._waiting_apart -= 1

    def _ask(self, handle: Handle[Client], query: Query, mark: str) -> bytes:
        limits = self._limits._replace(rows=query.rows) if query.rows else self._limits
        clause = limits.clause(query.settings, mark, query.format) if query.name != "kill" else ""
        try:
            with QUERY_SECONDS.labels(query.name).time():
                return bytes(handle.client.raw_query(query.text + clause, parameters=query.parameters))
        except (ClickHouseError, OSError) as error:
            refusal = limits.refusal(error)
            QUERIES_REFUSED.labels(query.name, refusal.reason).inc()
            _log.warning("query failed", query=query.name, reason=refusal.reason, error=str(error)[:1000])
            raise refusal from error
