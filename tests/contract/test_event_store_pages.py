"""What every EventStore promises of pages that reach far through time: the same rows in the same order, however they are looked for."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import EventPosition, Order, Page
from causeline.query_api.reading.walking import WIDTHS_MS
from tests.contract.event_rows import DAY, HOUR, T0, Bench, event, gone, titles, where
from tests.engine import Engine

ORDERS: tuple[Order, Order] = ("desc", "asc")
YEAR = 365 * DAY


async def paged(bench: Bench, size: int, order: Order, **fields: int) -> list[str]:
    """The titles of all events, read page by page."""
    all_titles: list[str] = []
    after: EventPosition | None = None
    while True:
        page = await bench.store.events(where(**fields), Page(limit=size, order=order, after=after))
        all_titles += titles(page)
        if len(page) < size:
            return all_titles
        after = EventPosition(page[-1].ts, page[-1].id)


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_go_over_months_in_which_nothing_happened(bench: Bench, order: Order) -> None:
    times = [T0 - 3 * YEAR, T0 - YEAR, T0 - YEAR + 1, T0 - 10 * DAY, T0 - 2 * HOUR, T0]
    bench.put(*(event(ts, title=str(n), updated_ts=T0) for n, ts in enumerate(times)))
    expected = ["0", "1", "2", "3", "4", "5"][:: 1 if order == "asc" else -1]
    for size in (1, 2, 6, 100):
        assert await paged(bench, size, order) == expected


@pytest.mark.parametrize("order", ORDERS)
async def test_an_event_at_the_edge_of_what_is_looked_at_first_is_found_once(bench: Bench, order: Order) -> None:
    end = T0 + 1
    reached, times = 0, [T0]
    for width in WIDTHS_MS:
        reached += width
        times += [sign * (reached + off) + T0 for off in (-1, 0, 1) for sign in (1, -1)]
    bench.put(*(event(ts, title=str(n), updated_ts=T0) for n, ts in enumerate(times)))
    sooner = [str(n) for n, ts in sorted(enumerate(times), key=lambda one: one[1]) if ts < end]
    later = [str(n) for n, ts in sorted(enumerate(times), key=lambda one: one[1]) if ts >= T0]
    for size in (1, 3, 100):
        assert await paged(bench, size, order, to_ms=end) == (sooner if order == "asc" else sooner[::-1])
        assert await paged(bench, size, order, from_ms=T0) == (later if order == "asc" else later[::-1])


@pytest.mark.parametrize("order", ORDERS)
async def test_events_of_one_time_stay_in_order_across_pages_and_edges(bench: Bench, order: Order) -> None:
    edge = T0 - DAY + 1
    rows = [event(ts, title=f"{ts - edge}/{n}") for ts in (edge - 1, edge) for n in range(5)] + [event(T0, title="newest")]
    bench.put(*rows)
    expected = [row.title for row in sorted(rows, key=lambda row: (row.ts, row.id), reverse=order == "desc")]
    for size in (1, 2, 3, 4, 5):
        assert await paged(bench, size, order, to_ms=T0 + 1) == expected


@pytest.mark.parametrize("order", ORDERS)
async def test_a_deleted_event_at_an_edge_takes_no_place_of_a_page(bench: Bench, order: Order) -> None:
    edge = T0 - DAY + 1
    deleted = [event(ts, title="deleted", updated_ts=T0) for ts in (edge - 1, edge, T0, T0 - 9 * DAY)]
    bench.put(*deleted, event(edge - 1, title="before"), event(edge, title="at"), event(T0 - 100 * DAY, title="old"))
    bench.put(*map(gone, deleted))
    expected = ["old", "before", "at"]
    for size in (1, 2, 3):
        assert await paged(bench, size, order, to_ms=T0 + 1) == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize("order", ORDERS)
async def test_a_numbered_page_skips_what_lies_before_it_wherever_that_lies(bench: Bench, order: Order) -> None:
    times = [T0 - YEAR, T0 - YEAR + 1, T0 - 40 * DAY, T0 - 3 * DAY, T0 - 1, T0]
    bench.put(*(event(ts, title=str(n), updated_ts=T0) for n, ts in enumerate(times)))
    expected = ["0", "1", "2", "3", "4", "5"][:: 1 if order == "asc" else -1]
    for offset in range(8):
        for limit in (1, 2, 6):
            page = Page(limit=limit, order=order, offset=offset)
            assert titles(await bench.store.events(where(to_ms=T0 + 1), page)) == expected[offset : offset + limit]


async def test_an_event_of_the_future_is_the_newest_of_an_open_list(bench: Bench) -> None:
    now = time.time_ns() // 1_000_000
    bench.put(event(now - HOUR, title="past"), event(now + YEAR, title="planned"))
    assert await paged(bench, 1, "desc") == ["planned", "past"]
    assert await paged(bench, 1, "asc") == ["past", "planned"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.sampled_from([0, 1, DAY - 1, DAY, DAY + 1, 9 * DAY - 1, 9 * DAY, 73 * DAY - 1, 73 * DAY, YEAR]), max_size=12),
    dead=st.sets(st.integers(0, 11)),
    page=st.builds(Page, limit=st.integers(1, 6), order=st.sampled_from(ORDERS), offset=st.integers(0, 4)),
    bounds=st.tuples(st.sampled_from([None, T0 - 9 * DAY, T0 - YEAR]), st.sampled_from([None, T0, T0 + 1, T0 - DAY + 1])),
)
async def test_both_stores_answer_any_page_alike(
    emptied: Engine, ages: list[int], dead: set[int], page: Page, bounds: tuple[int | None, int | None]
) -> None:
    client = emptied.open()
    client.command("TRUNCATE TABLE events_by_time SYNC")
    client.close()
    rows = [event(T0 - age, title=str(n), updated_ts=T0) for n, age in enumerate(ages)]
    rows += [gone(rows[n]) for n in sorted(dead) if n < len(ages)]
    event_filter = where(from_ms=bounds[0], to_ms=bounds[1])
    memory, engine = Bench(MemoryEventStore(), None), Bench(ClickHouseEventStore(emptied.open, clock=lambda: T0), emptied)
    answers = []
    for bench in (memory, engine):
        bench.put(*rows)
        answers.append(titles(await bench.store.events(event_filter, page)))
    assert isinstance(engine.store, ClickHouseEventStore)
    await engine.store.close()
    assert answers[0] == answers[1]
