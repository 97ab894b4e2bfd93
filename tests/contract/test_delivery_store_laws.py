"""What every DeliveryStore promises: the shipped memory twin and ClickHouse (the embedded engine) keep the same laws."""

import random

import msgspec
import pytest

from causeline.query_api.questions.query import DeliveryFilter, EventPosition, Page
from causeline.schemas.records.delivery import Delivery
from tests.contract.delivery_rows import RECEIVED, delivery
from tests.contract.event_rows import DAY, HOUR, Bench

ALL = Page(limit=1_000)


def bare(row: Delivery) -> Delivery:
    """As reads show it: without what it carried."""
    return msgspec.structs.replace(row, record=b"")


def where(**fields: object) -> DeliveryFilter:
    return msgspec.convert({"tenant": "acme", **fields}, DeliveryFilter)


async def ids(bench: Bench, page: Page = ALL, **fields: object) -> list[str]:
    return await found_by(bench, where(**fields), page)


async def found_by(bench: Bench, query: DeliveryFilter, page: Page = ALL) -> list[str]:
    return [row.id for row in await bench.store.deliveries.newest(query, page)]


async def test_a_delivery_is_listed_once_as_its_newest_attempt(bench: Bench) -> None:
    first = delivery("m1", outcome="retried", status_code=503, detail="busy", next_attempt=RECEIVED + 6_000)
    last = delivery("m1", attempt=2, at=RECEIVED + 7_000, outcome="dead", status_code=0, detail="no answer", record=b"\x00\xff")
    bench.put(last)
    bench.put(first, first)
    assert await bench.store.deliveries.newest(where(), ALL) == [bare(last)]
    assert await bench.store.deliveries.attempts("acme", "m1") == [first, bare(last)]


async def test_it_is_found_by_how_it_stands_and_not_by_how_it_stood(bench: Bench) -> None:
    bench.put(delivery("m1", outcome="retried"))
    bench.put(delivery("m1", attempt=2, at=RECEIVED + 7_000, outcome="delivered"))
    assert await ids(bench, outcomes=["retried"]) == []
    assert await ids(bench, outcomes=["delivered"]) == ["m1"]


async def test_one_that_died_and_was_repeated_stands_as_the_repeat_though_its_attempts_count_from_1_again(bench: Bench) -> None:
    bench.put(delivery("m1", attempt=10, outcome="dead", record=b"x"))
    bench.put(delivery("m1", attempt=1, at=RECEIVED + HOUR, outcome="delivered"))
    assert [(row.attempt, row.outcome) for row in await bench.store.deliveries.newest(where(), ALL)] == [(1, "delivered")]
    assert [row.attempt for row in await bench.store.deliveries.attempts("acme", "m1")] == [10, 1]


async def test_newest_first_is_by_when_it_was_taken_in_however_late_it_was_tried(bench: Bench) -> None:
    bench.put(delivery("old", received=RECEIVED - HOUR, at=RECEIVED + DAY), delivery("new"), delivery("b", received=RECEIVED + 1))
    assert await ids(bench) == ["b", "new", "old"]
    assert await ids(bench, Page(limit=10, order="asc")) == ["old", "new", "b"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"subscriptions": ["s2"]}, ["m2"]),
        ({"subscriptions": ["s1", "s2"]}, ["m3", "m2", "m1"]),
        ({"outcomes": ["dead", "cancelled"]}, ["m4", "m3"]),
        ({"whats": ["problem"]}, ["m3"]),
        ({"entities": ["e2"]}, ["m2"]),
        ({"subscriptions": ["s1"], "outcomes": ["dead"]}, ["m3"]),
        ({"from_ms": RECEIVED + 2}, ["m4", "m3", "m2"]),
        ({"to_ms": RECEIVED + 2}, ["m1"]),
        ({"from_ms": RECEIVED + 2, "to_ms": RECEIVED + 3}, ["m2"]),
        ({"subscriptions": ["' OR 1 = 1 --"]}, []),
    ],
)
async def test_filters_choose_among_newest_attempts(bench: Bench, fields: dict[str, object], found: list[str]) -> None:
    bench.put(
        delivery("m1", received=RECEIVED + 1),
        delivery("m2", received=RECEIVED + 2, subscription_id="s2", entity="e2"),
        delivery("m3", received=RECEIVED + 3, outcome="dead", what="problem"),
        delivery("m4", received=RECEIVED + 4, subscription_id="s3", outcome="cancelled"),
    )
    assert await found_by(bench, where(**fields)) == found


@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_pages_follow_each_other_over_months_and_equal_times_without_a_gap_or_a_repeat(bench: Bench, order: str) -> None:
    rng = random.Random(7)
    rows = [delivery(f"m{n:02}", received=RECEIVED + rng.choice((0, 1, HOUR, 3 * DAY, 40 * DAY, 300 * DAY))) for n in range(40)]
    bench.put(*rows)
    deliveries: list[Delivery] = []
    page = msgspec.convert({"limit": 7, "order": order}, Page)
    while batch := await bench.store.deliveries.newest(where(), page):
        deliveries += batch
        page = msgspec.structs.replace(page, after=EventPosition(batch[-1].received, batch[-1].id))
    assert deliveries == sorted(rows, key=lambda row: (row.received, row.id), reverse=order == "desc")


async def test_an_attempt_between_two_pages_neither_repeats_nor_hides_a_delivery(bench: Bench) -> None:
    bench.put(*(delivery(f"m{n}", outcome="retried") for n in range(4)))
    first = await bench.store.deliveries.newest(where(), Page(limit=2))
    bench.put(*(delivery(f"m{n}", attempt=2, at=RECEIVED + DAY) for n in range(4)))
    rest = await bench.store.deliveries.newest(where(), Page(limit=2, after=EventPosition(first[-1].received, first[-1].id)))
    assert [row.id for row in (*first, *rest)] == ["m3", "m2", "m1", "m0"]


async def test_what_was_carried_is_given_of_those_that_died_alone_and_as_they_died_last(bench: Bench) -> None:
    every_byte = bytes(range(256))
    bench.put(
        delivery("m1", outcome="dead", record=b"first"),
        delivery("m1", outcome="dead", record=every_byte, at=RECEIVED + DAY),
        delivery("m2", outcome="delivered"),
        delivery("m3", outcome="dead", record=b""),
        delivery("m4", outcome="dead", record=b"not asked for"),
    )
    assert await bench.store.deliveries.records("acme", ["m1", "m2", "m3", "nothing"]) == {"m1": every_byte, "m3": b""}
    assert await bench.store.deliveries.records("acme", []) == {}


async def test_a_delivery_that_is_not_there_has_no_attempts(bench: Bench) -> None:
    bench.put(delivery("m1"))
    assert await bench.store.deliveries.attempts("acme", "m2") == []
