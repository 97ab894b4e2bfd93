"""Lanes of events from ClickHouse: which are the fullest, then their bins. What comes in between is in the bins."""

from typing import Final

import msgspec

from causeline.query_api.adapters.clickhouse.fresh import Queries
from causeline.query_api.questions.query import LaneAnswer, LaneBin, LaneBins, LaneQuery
from causeline.query_api.sql.lanes import select_lane_bins, select_lanes


class _Fullest(msgspec.Struct):
    lanes: int
    events: int
    top: list[tuple[str, int]]


class _LaneBinRow(msgspec.Struct):
    lane: str
    bucket: int
    total: int
    kinds: list[tuple[str, int]]


_FULLEST: Final = msgspec.json.Decoder(_Fullest)
_BINS: Final = msgspec.json.Decoder(_LaneBinRow)


async def read_lanes(queries: Queries, query: LaneQuery) -> LaneAnswer:
    """Return the lanes of a question. Raises as EventStore."""
    fullest = (await queries.rows(select_lanes(query), _FULLEST))[0]
    names = [name for name, _ in fullest.top]
    bins: dict[str, list[LaneBin]] = {name: [] for name in names}
    for row in await queries.rows(select_lane_bins(query, names), _BINS) if names else ():
        bins[row.lane].append(LaneBin(row.bucket, row.total, dict(row.kinds)))
    return LaneAnswer([LaneBins(name, bins[name]) for name in names], fullest.lanes, fullest.events)
