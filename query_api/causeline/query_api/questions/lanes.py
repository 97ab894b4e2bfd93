"""The question of `GET /v1/lanes`: query parameters become lanes by a column and bins of time, or are refused by name. Pure."""

from collections.abc import Iterable
from typing import NamedTuple, cast

import msgspec

from causeline.query_api.questions import parameters
from causeline.query_api.questions.native import event_filter_of, within_a_day
from causeline.query_api.questions.parameters import MAX_LANE_BINS, ParsedParameters
from causeline.query_api.questions.query import MAX_BIN_KINDS, LaneAnswer, LaneBin, LaneBins, LaneBy, LaneQuery
from causeline.schemas.records.event import Event
from causeline.schemas.web.principal import Groups


class LaneQuestion(NamedTuple):
    """What is asked of the store, and the step in the words of the request."""

    query: LaneQuery
    from_ms: int
    to_ms: int
    step: str


def lane_question(pairs: Iterable[tuple[str, str]], tenant: str, groups: Groups, now: int) -> LaneQuestion:
    """Return the question of a query string: without `to` until now, without `from` 24 hours before `to`. Raises Invalid."""
    arguments = ParsedParameters(parameters.LANE_PARAMETERS, pairs, now)
    where, from_ms, to_ms = within_a_day(event_filter_of(arguments, tenant), now)
    query = LaneQuery(
        where=msgspec.structs.replace(where, groups=groups),
        by=cast("LaneBy", arguments.text("by")),
        step_ms=arguments.span("step"),
        limit=arguments.limit(),
        skip=arguments.skip(),
    )
    if not arguments.errors and query.step_ms == 0:
        arguments.refuse("step", "must be longer than nothing")
    if not arguments.errors and -(-to_ms // query.step_ms) - from_ms // query.step_ms > MAX_LANE_BINS:
        arguments.refuse("step", f"gives more than {MAX_LANE_BINS} bins between from and to")
    arguments.check()
    return LaneQuestion(query, from_ms, to_ms, arguments.text("step"))


_Counts = dict[int, dict[str, int]]


def lay_out_lanes(events: Iterable[Event], query: LaneQuery) -> LaneAnswer:
    """Return the lanes of events, all of which the filter asks for. `sql/lanes.py` says the same to ClickHouse: they change together."""
    counts: dict[str, _Counts] = {}
    for event in events:
        kinds = counts.setdefault(getattr(event, query.by), {}).setdefault(event.ts // query.step_ms * query.step_ms, {})
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
    totals = {name: sum(sum(kinds.values()) for kinds in bins.values()) for name, bins in counts.items()}
    names = sorted(counts, key=lambda name: (-totals[name], name))[query.skip : query.skip + query.limit]
    lanes = [LaneBins(name, [_bin(start, counts[name][start]) for start in sorted(counts[name])]) for name in names]
    return LaneAnswer(lanes, len(counts), sum(totals.values()))


def _bin(start: int, kinds: dict[str, int]) -> LaneBin:
    most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:MAX_BIN_KINDS]
    return LaneBin(start, sum(kinds.values()), dict(most))
