"""The handles on ClickHouse that all queries of a process share, and one query on one of them.

The client is synchronous and serves one query at a time, so there is a pool of handles with one thread each; engine work releases the
GIL. Rows come as JSON lines straight into records. Every query is bounded (`clickhouse_limits.py`): one that meets a bound is `TooMuch`, to
be narrowed; a server that does not answer is `Unavailable`, to be asked again.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import msgspec
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from causeline.query_api import sql
from causeline.query_api.adapters.clickhouse_limits import Limits
from causeline.schemas.errors import Unavailable
from causeline.schemas.telemetry import QUERIES_REFUSED, QUERY_SECONDS

_log = structlog.get_logger(__name__)
_Row = TypeVar("_Row")

_SILENCE_S: Final = 2
"""What a query may take beyond its own bound: to wait for a handle, and on the way. A server that hangs does not keep its bounds."""


class QueryPool:
    """`connect` opens one handle on the database with Causeline's tables; it is called once per thread, at first use."""

    def __init__(self, connect: Callable[[], Client], limits: Limits) -> None:
        self._connect = connect
        self._limits: Final = limits
        self._threads: Final = ThreadPoolExecutor(limits.handles, thread_name_prefix="query")
        self._own = threading.local()
        self._opened: list[Client] = []
        self._pending = 0

    async def close(self) -> None:
        """Let running queries end, refuse others, and close the handles."""
        await asyncio.to_thread(self._threads.shutdown)
        for client in self._opened:
            client.close()
        self._opened.clear()

    async def rows(self, query: sql.Query, decoder: msgspec.json.Decoder[_Row]) -> list[_Row]:
        """Return the rows of a query. Raises `TooMuch`, or `Unavailable` (see EventStore)."""
        if self._pending >= self._limits.handles + self._limits.waiting:
            raise Unavailable("too many queries are waiting", retry_after_s=1)
        self._pending += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, query)
            running.add_done_callback(self._ended)
        except RuntimeError as closed:
            self._pending -= 1
            raise Unavailable("the server is stopping") from closed
        try:
            async with asyncio.timeout(self._limits.seconds + _SILENCE_S):
                return decoder.decode_lines(await asyncio.shield(running))
        except TimeoutError as silence:
            raise Unavailable("the store does not answer") from silence

    def _ended(self, running: "asyncio.Future[bytes]") -> None:
        """Count a query as over when its thread is free, not when its client went away."""
        self._pending -= 1
        if not running.cancelled():
            running.exception()  # seen, even where nobody waits for it any more

    def _ask(self, query: sql.Query) -> bytes:
        try:
            with QUERY_SECONDS.labels(query.name).time():
                return bytes(self._client().raw_query(query.text + self._limits.clause(query.settings), parameters=query.parameters))
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
            self._opened.append(client)
        return client

    def _drop(self) -> None:
        """Close this thread's handle after a failure.

        The embedded engine (26.9) gives what a failed query had put out already to the next query on its handle, whoever asks that.
        """
        client: Client | None = self._own.__dict__.pop("client", None)
        if client is not None:
            self._opened.remove(client)
            client.close()
