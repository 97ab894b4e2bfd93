"""The handles on ClickHouse that all queries of a process share, and one query on one of them.

The client is synchronous and serves one query at a time, so there is a pool of handles with one thread each; engine work releases the
GIL. Rows come as JSON lines straight into records. Every query is bounded (`limits.py`): one that meets a bound is `TooMuch`, to
be narrowed; a server that does not answer is `Unavailable`, to be asked again. Tenants share the handles (`shares.py`). A query that nobody
waits for any more is dropped: from the queue, or killed in the engine. One more handle, apart, asks whether the store answers, and kills.
"""

import asyncio
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.reading.shares import Shares
from causeline.query_api.sql.statements import Query
from causeline.schemas.telemetry import QUERIES_REFUSED, QUERY_SECONDS
from causeline.schemas.web.errors import OverShare, Unavailable

_log = structlog.get_logger(__name__)
_Row = TypeVar("_Row")

_APART: Final = 8
"""Questions that may wait for the handle apart: a store that hangs gets no more of them."""
_PROCESS: Final = f"causeline-{os.getpid()}-{os.urandom(4).hex()}"


class RowDecoder(Protocol[_Row]):
    """Makes rows of an answer."""

    def decode_lines(self, data: bytes, /) -> list[_Row]:
        """Return the rows in their order."""
        ...


class QueryPool:
    """`connect` opens one handle on the database with Causeline's tables; it is called once per thread, at first use."""

    def __init__(self, connect: Callable[[], Client], limits: QueryLimits) -> None:
        self._connect = connect
        self._limits: Final = limits
        self._threads: Final = ThreadPoolExecutor(limits.handles, thread_name_prefix="query")
        self._apart: Final = ThreadPoolExecutor(1, thread_name_prefix="query-apart")
        self._own = threading.local()
        self._clients: list[Client] = []
        self._shares: Final = Shares(limits.handles, limits.waiting, limits.waiting_each)
        self._numbers: Final = itertools.count(1)
        self._waiting_apart = 0

    async def close(self) -> None:
        """Let running queries end, refuse others, and close the handles."""
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._apart.shutdown, cancel_futures=True)
        for client in self._clients:
            client.close()
        self._clients.clear()

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
        """Begin a query on a place that was taken; the place is free again when its thread is, not when its client went away."""
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, query, mark)
        except RuntimeError as error:
            self._shares.leave(query.tenant)
            raise Unavailable("the server is stopping") from error
        running.add_done_callback(lambda future: self._finish(future, query.tenant))
        return running

    def _finish(self, running: "asyncio.Future[bytes]", tenant: str) -> None:
        self._shares.leave(tenant)
        if not running.cancelled():
            running.exception()  # seen, even where nobody waits for it any more

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
        self._waiting_apart += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._apart, self._ask, query, "")
        except RuntimeError as error:
            self._waiting_apart -= 1
            raise Unavailable("the server is stopping") from error
        running.add_done_callback(self._free_apart)
        return await asyncio.shield(running)

    def _free_apart(self, running: "asyncio.Future[bytes]") -> None:
        self._waiting_apart -= 1
        if not running.cancelled():
            running.exception()

    def _ask(self, query: Query, mark: str) -> bytes:
        clause = self._limits.clause(query.settings, mark, query.format) if query.name != "kill" else ""
        try:
            with QUERY_SECONDS.labels(query.name).time():
                return bytes(self._client().raw_query(query.text + clause, parameters=query.parameters))
        except (ClickHouseError, OSError) as error:
            self._drop()
            refusal = self._limits.refusal(error)
            QUERIES_REFUSED.labels(query.name, refusal.reason).inc()
            _log.warning("query failed", query=query.name, reason=refusal.reason, error=str(error)[:1000])
            raise refusal from error

    def _client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._connect()
            self._clients.append(client)
        return client

    def _drop(self) -> None:
        """Close this thread's handle after a failure.

        The embedded engine (26.9) gives what a failed query had put out already to the next query on its handle, whoever asks that.
        """
        client: Client | None = self._own.__dict__.pop("client", None)
        if client is not None:
            self._clients.remove(client)
            client.close()
