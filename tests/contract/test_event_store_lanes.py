"""Lanes of events: both stores lay out the same, count exactly, and say how many lanes there are beyond those that are asked for."""

import random

import msgspec
import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import MAX_BIN_KINDS, ChangeQuery, LaneBin, LaneBins, LaneBy, LaneQuery
from tests.contract.event_rows import HOUR, MINUTE, T0, TENANT, Bench, event, gone, titles, where

WINDOW = where(from_ms=T0, to_ms=T0 + HOUR)
START = T0 // (5 * MINUTE) * 5 * MINUTE


def asking(by: LaneBy = "service", limit: int = 40, skip: int = 0) -> LaneQuery:
    return LaneQuery(where=WINDOW, by=by, step_ms=5 * MINUTE, limit=limit, skip=skip)


async def test_lanes_come_fullest_first_with_bins_by_kind(bench: Bench) -> None:
    deleted = event(T0, service="shop")
    bench.put(
        *(event(T0 + n, service="shop", kind=kind) for n, kind in enumerate(("deployment", "flag", "deployment"))),
        event(T0 + 30 * MINUTE, service="shop"),
        event(T0 + MINUTE, service="cart"),
        event(T0 + MINUTE, service="basket"),
        event(T0 + MINUTE),
        event(T0 - 1, service="before"),
        event(T0 + HOUR, service="after"),
        deleted,
        gone(deleted),
    )
    answer = await bench.store.lanes(asking(limit=2))
    later = (T0 + 30 * MINUTE) // (5 * MINUTE) * 5 * MINUTE
    shop = LaneBins("shop", [LaneBin(START, 3, {"deployment": 2, "flag": 1}), LaneBin(later, 1, {"deployment": 1})])
    own_start = (T0 + MINUTE) // (5 * MINUTE) * 5 * MINUTE
    assert answer.lanes == [shop, LaneBins("", [LaneBin(own_start, 1, {"deployment": 1})])]
    assert (answer.lane_count, answer.event_count) == (4, 7)
    rest = await bench.store.lanes(asking(limit=40, skip=2))
    assert [lane.name for lane in rest.lanes] == ["basket", "cart"]
    assert (rest.lane_count, rest.event_count) == (4, 7)


async def test_no_events_are_no_lanes(bench: Bench) -> None:
    assert await bench.store.lanes(asking()) == ([], 0, 0)
    bench.put(event(T0))
    assert await bench.store.lanes(asking(skip=1)) == ([], 1, 1)


async def test_a_bin_counts_more_kinds_than_it_names(bench: Bench) -> None:
    bench.put(*(event(T0, kind=f"kind-{n:02}") for n in range(MAX_BIN_KINDS + 3)), event(T0, kind="often"), event(T0, kind="often"))
    (lane,) = (await bench.store.lanes(asking())).lanes
    assert lane.bins[0].total == MAX_BIN_KINDS + 5
    assert list(lane.bins[0].counts.items()) == [("often", 2), *((f"kind-{n:02}", 1) for n in range(MAX_BIN_KINDS - 1))]


@pytest.mark.parametrize("by", ["service", "kind", "environment", "team", "status", "priority"])
async def test_both_stores_lay_out_alike(bench: Bench, by: LaneBy) -> None:
    chance, twin = random.Random(by), MemoryEventStore()
    texts = ("", "a", "it's", "größe", "\U0001f600", "A")
    for _ in range(200):
        row = event(
            T0 + chance.randrange(-MINUTE, HOUR),
            kind=chance.choice(("deployment", "flag", "build")),
            **{name: chance.choice(texts) for name in ("service", "environment", "team", "status", "priority")},
        )
        twin.put_event(row)
    bench.put(*twin.rows()[0].values())
    for query in (asking(by), asking(by, limit=2), asking(by, limit=2, skip=1)):
        assert await bench.store.lanes(query) == await twin.lanes(query)
    of_one = msgspec.structs.replace(asking(by), where=msgspec.structs.replace(WINDOW, services=("it's",)))
    assert await bench.store.lanes(of_one) == await twin.lanes(of_one)


async def test_changes_that_last_are_told_from_those_that_do_not(bench: Bench) -> None:
    bench.put(
        event(T0, title="a moment"),
        event(T0, title="just as long", start=T0, end=T0 + 10 * MINUTE),
        event(T0, title="shorter", start=T0, end=T0 + 10 * MINUTE - 1),
        event(T0 + 20 * MINUTE, title="from its time on", end=T0 + 40 * MINUTE),
    )
    query = ChangeQuery(tenant=TENANT, at=T0, from_ms=T0, to_ms=T0 + HOUR, lasting_ms=10 * MINUTE)
    assert titles(change.event for change in await bench.store.changes(query)) == ["just as long", "from its time on"]
