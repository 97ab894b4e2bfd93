"""Lists while `events_by_time` is being filled: from `events`, which has the same columns under the same names, only slower.

A store that held rows before that table was there copies them (`causeline migrate`), which may take an hour; until its last day is compared
nothing is answered from it. Whoever reads learns of the end within `_EVERY_S`, and the old rows are kept for longer than that.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.adapters.clickhouse.pool import RowDecoder
from causeline.query_api.adapters.clickhouse.rows import COUNTS
from causeline.query_api.sql.statements import Query
from causeline.schemas.migrations import BACKFILLED, BY_SERVICE_TABLE, BY_TIME_TABLE, COMPLETE, EVENTS_TABLE

_Row = TypeVar("_Row")

_EVERY_S: Final = 10.0
_STATE: Final = Query(
    "tables",
    "SELECT countIf(engine = 'Null') + "
    "(SELECT count() FROM migration_steps WHERE number = {number:UInt32} AND step = {step:String}) AS n "
    "FROM system.tables WHERE database = currentDatabase() AND name = {table:String}",
    {"number": BACKFILLED, "step": COMPLETE, "table": EVENTS_TABLE},
)


class SettlingQueries:
    """The queries of a pool, about events to the table that holds all of them."""

    def __init__(self, queries: Queries, clock: Callable[[], float] = time.monotonic) -> None:
        self._queries: Final = queries
        self._clock: Final = clock
        self._is_settled = False
        self._looked_at = -_EVERY_S

    async def rows(self, query: Query, decoder: RowDecoder[_Row]) -> list[_Row]:
        """See Queries."""
        if not self._is_settled and (BY_TIME_TABLE in query.text or BY_SERVICE_TABLE in query.text):
            await self._look()
            if not self._is_settled:
                text = query.text.replace(BY_TIME_TABLE, EVENTS_TABLE).replace(BY_SERVICE_TABLE, EVENTS_TABLE)
                query = query._replace(text=text)
        return await self._queries.rows(query, decoder)

    async def _look(self) -> None:
        if (now := self._clock()) - self._looked_at >= _EVERY_S:
            self._is_settled = (await self._queries.rows(_STATE, COUNTS))[0].n > 0
            self._looked_at = now
