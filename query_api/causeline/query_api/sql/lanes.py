"""Lanes to SQL: first which of them have the most events, then the bins of these alone, so that no question holds all lanes times all bins.

`questions/lanes.py` says the same of events in memory. The two must change together; the contract suite compares them.
"""

from collections.abc import Sequence
from typing import Final

from causeline.query_api.questions.query import MAX_BIN_KINDS, LaneQuery
from causeline.query_api.sql.binding import Binding
from causeline.query_api.sql.events import choose_counting_table, event_conditions
from causeline.query_api.sql.statements import Query

_FULLEST: Final = "arraySort(pair -> (-pair.2, pair.1), groupArray((name, n)))"


def select_lanes(query: LaneQuery) -> Query:
    """Return the query of the fullest lanes: one row with `lanes` (how many), `events` (of all), and `top`, pairs of name and count."""
    bind = Binding()
    lane = f"toString(e.{query.by})"
    counts = (
        f"SELECT {lane} AS name, count() AS n FROM {_source(query)} WHERE {' AND '.join(event_conditions(bind, query.where))} GROUP BY name"  # noqa: S608 - `by` is a closed set
    )
    top = f"arraySlice({_FULLEST}, {bind.number(query.skip + 1)}, {bind.number(query.limit)}) AS top"
    return Query("lanes", f"SELECT count() AS lanes, sum(n) AS events, {top} FROM ({counts})", bind.values, tenant=query.where.tenant)  # noqa: S608 - values are bound


def select_lane_bins(query: LaneQuery, names: Sequence[str]) -> Query:
    """Return the query of the bins of these lanes: `lane`, `bucket` (ms), `total`, and `kinds`, the most frequent with their counts."""
    bind = Binding()
    conditions = [*event_conditions(bind, query.where), f"toString(e.{query.by}) IN {bind.texts(names)}"]
    ms, step = "toUnixTimestamp64Milli(e.ts)", bind.number(query.step_ms)
    columns = f"toString(e.{query.by}) AS lane, {ms} - positiveModulo({ms}, {step}) AS bucket, toString(e.kind) AS name, count() AS n"
    counts = f"SELECT {columns} FROM {_source(query)} WHERE {' AND '.join(conditions)} GROUP BY lane, bucket, name"  # noqa: S608 - `by` is a closed set
    text = (
        f"SELECT lane, bucket, sum(n) AS total, arraySlice({_FULLEST}, 1, {MAX_BIN_KINDS}) AS kinds FROM ({counts}) "  # noqa: S608 - values are bound
        "GROUP BY lane, bucket ORDER BY lane, bucket"
    )
    return Query("lane_bins", text, bind.values, tenant=query.where.tenant)


def _source(query: LaneQuery) -> str:
    return f"{choose_counting_table(query.where, query.by)} AS e FINAL"
