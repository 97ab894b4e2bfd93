"""Lists while `events_by_time` is being filled: from `events`, which has the same columns under the same names, only slower.

A store that held rows before that table was there copies them (`causeline migrate`), which may take an hour; until its last day is compared
nothing is answered from it. Whoever reads learns of the end within `_EVERY_S`, and the old rows are kept for longer than that.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.adapters.clickhouse.pool import RowDecoder
from causeline.query_api.sql.events import BY_SERVICE, TABLE
from causeline.query_api.sql.statements import Query

_Row = TypeVar("_Row")

_EVERY_S: Final = 10.0
_OLD: Final = "events"
_STATE: Final = Query(
    "tables",
    "SELECT countIf(engine = 'Null') + (SELECT count() FROM migration_steps WHERE number = 9 AND step = 'complete') AS n "
    "FROM system.tables WHERE database = currentDatabase() AND name = 'events'",
    {},
)


class _Count(msgspec.Struct):
    n: int


_COUNTS: Final = msgspec.json.Decoder(_Count)


class SettlingQueries:
    """The queries of a pool, about events to the table that holds all of them."""

    def __init__(self, queries: Queries, clock: Callable[[], float] = time.monotonic) -> None:
        self._queries: Final = queries
        self._clock: Final = clock
        self._is_settled = False
        self._looked_at = -_EVERY_S

    async def rows(self, query: Query, decoder: RowDecoder[_Row]) -> list[_Row]:
        """See Queries."""
        if not self._is_settled and (TABLE in query.text or BY_SERVICE in query.text):
            await self._look()
            if not self._is_settled:
                query = query._replace(text=query.text.replace(TABLE, _OLD).replace(BY_SERVICE, _OLD))
        return await self._queries.rows(query, decoder)

    async def _look(self) -> None:
        if (now := self._clock()) - self._looked_at >= _EVERY_S:
            self._is_settled = (await self._queries.rows(_STATE, _COUNTS))[0].n > 0
            self._looked_at = now
