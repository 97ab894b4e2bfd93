"""Queries whose answers lack nothing that was acknowledged, whichever replica is asked.

The sink's inserts are acknowledged by a majority of the replicas, one insert of a table after the other (`insert_quorum`, without
`insert_quorum_parallel`), and its offsets move after that. `select_sequential_consistency` makes a replica that lacks one of them refuse.
The next try may meet another replica, or the same one when it has caught up. One server and the embedded engine have nothing to compare
and ignore the setting.
"""

import asyncio
from typing import Final, Protocol, TypeVar

import msgspec

from causeline.query_api.adapters.clickhouse.limits import ReplicaBehind
from causeline.query_api.sql.statements import Query

_Row = TypeVar("_Row")
_SETTING: Final = "select_sequential_consistency = 1"
_WAITS_S: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
"""Between tries: 2.6 s in all, within the 5 s that a client is kept. A replica that lives fetches a part within some 10 ms."""


class Queries(Protocol):
    """Whatever runs queries: `pool.QueryPool`, or this module's over it."""

    async def rows(self, query: Query, decoder: msgspec.json.Decoder[_Row]) -> list[_Row]:
        """Return the rows of a query. Raises `TooMuch`, or `Unavailable` (see EventStore)."""
        ...


class FreshQueries:
    """The queries of a pool, each with the setting, and asked again while a replica is behind."""

    def __init__(self, queries: Queries) -> None:
        self._queries: Final = queries

    async def rows(self, query: Query, decoder: msgspec.json.Decoder[_Row]) -> list[_Row]:
        """See Queries. Raises `ReplicaBehind` where every try met a replica that is behind."""
        query = query._replace(settings=f"{query.settings}, {_SETTING}" if query.settings else _SETTING)
        for seconds in _WAITS_S:
            try:
                return await self._queries.rows(query, decoder)
            except ReplicaBehind:
                await asyncio.sleep(seconds)
        return await self._queries.rows(query, decoder)
