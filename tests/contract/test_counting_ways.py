"""Which way a wide count goes, and that it is right whatever comes in meanwhile."""

import time
from collections.abc import Iterator
from typing import Final

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from causeline.query_api.adapters.clickhouse.counting import TABLE_PARTS
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.questions.query import CountedBy, EventFilter
from causeline.query_api.sql.merged_days import MergedDay, histogram_by_day, merged_days, select_parts
from causeline.schemas.web.errors import TooMuch
from tests.contract.event_rows import DAY, HOUR, TENANT, Bench, event, gone, where
from tests.contract.merging import END, MONTHS, START, WHOLE, TracedQueries, filled, merge, opened, sink
from tests.engine import Engine


@pytest.fixture
def client(emptied: Engine) -> Iterator[Client]:
    with opened(emptied) as client:
        yield client


async def test_a_year_is_counted_by_day_from_the_projection(emptied: Engine, client: Client) -> None:
    filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    year = where(from_ms=START - 200 * DAY + HOUR, to_ms=START + 165 * DAY + HOUR)
    store.pool = traced = TracedQueries(store.pool)
    buckets = await store.histogram(year, DAY, "kind")
    assert traced.ways == ["parts", "by day", "parts"]
    text, parameters = traced.asked[1].text, traced.asked[1].parameters
    plan = client.query(f"EXPLAIN projections = 1 {text}", parameters=parameters).result_rows
    assert any("by_day" in line for (line,) in plan), plan
    assert client.query(f"{text} SETTINGS force_optimize_projection_name = 'by_day'", parameters=parameters).result_rows
    days = client.query("SELECT sum(rows) FROM system.projection_parts WHERE active AND table = 'events_by_time'").result_rows[0][0]
    assert 0 < days < 4 * 122
    assert sum(sum(bucket.counts.values()) for bucket in buckets) == await store.count(year) == 488 - 49
    await store.close()


NOT_BY_DAY: Final[dict[str, tuple[EventFilter, int, CountedBy]]] = {
    "a short window": (where(from_ms=START, to_ms=START + 7 * DAY), DAY, "kind"),
    "steps that are no whole days": (where(from_ms=START, to_ms=END), HOUR, "kind"),
    "a caller with groups": (where(from_ms=START, to_ms=END, groups=("ops",)), DAY, "kind"),
    "a caller without any group": (where(from_ms=START, to_ms=END, groups=()), DAY, "kind"),
    "a filter that it has no column for": (where(from_ms=START, to_ms=END, priorities=("P1",)), DAY, "kind"),
    "a label that it has no column for": (where(from_ms=START, to_ms=END), DAY, "service"),
}


@pytest.mark.parametrize("question", NOT_BY_DAY.values(), ids=NOT_BY_DAY.keys())
async def test_what_the_projection_does_not_have_is_counted_with_final_at_once(
    emptied: Engine, client: Client, question: tuple[EventFilter, int, CountedBy]
) -> None:
    filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    store.pool = traced = TracedQueries(store.pool)
    await store.histogram(*question)
    assert traced.ways == ["final"]
    await store.close()


async def test_days_whose_part_no_merge_made_are_counted_with_final(emptied: Engine) -> None:
    """One insert of both versions is one part, which nothing has collapsed yet."""
    store = ClickHouseEventStore(emptied.open)
    first = event(START, kind="drift")
    await sink(emptied, first, msgspec.structs.replace(first, version=2, kind="deployment"))
    store.pool = traced = TracedQueries(store.pool)
    assert await store.count(where(from_ms=START, to_ms=END)) == 1
    assert traced.ways == ["parts", "final"]
    await store.close()


@pytest.mark.parametrize("before", [1, 2], ids=["before the count", "after the count"])
@pytest.mark.parametrize("merging", [(), MONTHS[1:2]], ids=["inserted", "inserted and merged"])
async def test_what_changes_meanwhile_is_counted_again(emptied: Engine, client: Client, before: int, merging: tuple[str, ...]) -> None:
    events = filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    bench, window = Bench(store, emptied), where(from_ms=START, to_ms=END)
    kept = len(events) - len(events[5::10])

    def happen() -> None:
        """A repeat, a version, a delete and an event come in, all of October."""
        october = events[140:]
        bench.put(october[1], msgspec.structs.replace(october[2], version=2), gone(october[3]), event(october[4].ts + 1))
        merge(client, *merging)

    store.pool = traced = TracedQueries(store.pool, {before: happen})
    assert await store.count(window) == kept - 1 + 1
    assert traced.ways == ["parts", "by day", "parts", "by day", "parts"]
    assert (MONTHS[1] in str(traced.asked[3].parameters)) is (not merging)
    await store.close()


async def test_where_every_day_changes_meanwhile_final_counts(emptied: Engine, client: Client) -> None:
    events = filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    bench = Bench(store, emptied)
    store.pool = traced = TracedQueries(store.pool, {2: lambda: bench.put(*(event(each.ts + 1) for each in events))})
    assert await store.count(where(from_ms=START, to_ms=END)) == 2 * len(events) - len(events[5::10])
    assert traced.ways == ["parts", "by day", "parts", "final"]
    await store.close()


async def test_a_month_that_takes_in_late_events_is_counted_by_day_but_for_their_days(emptied: Engine, client: Client) -> None:
    events = filled(emptied, client)
    await sink(emptied, event(events[10].ts), msgspec.structs.replace(events[10], version=2, kind="changed"))
    store = ClickHouseEventStore(emptied.open)
    store.pool = traced = TracedQueries(store.pool)
    buckets = await store.histogram(where(from_ms=START, to_ms=END), DAY, "kind")
    assert traced.ways == ["parts", "by day", "parts"]
    assert traced.asked[1].text.partition(" UNION ALL ")[2].count("e.ts >= ") == 2, "the day of the late one, and December"
    assert sum(sum(bucket.counts.values()) for bucket in buckets) == len(events) - len(events[5::10]) + 1
    assert [bucket.start for bucket in buckets if "changed" in bucket.counts] == [events[10].ts // DAY * DAY]
    await store.close()


async def test_tables_that_are_exchanged_meanwhile_are_told_apart(engine: Engine) -> None:
    """As a rebuild does: the new table may have a part of the same name."""
    with opened(engine) as client:
        filled(engine, client)
        client.command("CREATE TABLE other AS events_by_time")
        for month in MONTHS:
            client.command(f"ALTER TABLE other ATTACH PARTITION ID '{month}' FROM events_by_time")
        store = ClickHouseEventStore(engine.open)
        window = where(from_ms=START, to_ms=END)
        before = merged_days(window, await store.pool.rows(select_parts(window), TABLE_PARTS))
        client.command("EXCHANGE TABLES events_by_time AND other")
        after = merged_days(window, await store.pool.rows(select_parts(window), TABLE_PARTS))
        assert {each.day for each in before} == {each.day for each in after} == set(range(START // DAY, START // DAY + 91))
        assert not before & after
        await store.close()


async def test_a_part_without_the_projection_is_counted_from_its_rows(emptied: Engine, client: Client) -> None:
    filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    window = where(from_ms=START, to_ms=END)
    expected = await store.histogram(window, DAY, "kind")
    client.command(f"ALTER TABLE events_by_time CLEAR PROJECTION by_day IN PARTITION ID '{MONTHS[1]}'", settings={"mutations_sync": 2})
    store.pool = traced = TracedQueries(store.pool)
    assert await store.histogram(window, DAY, "kind") == expected
    assert traced.ways == ["parts", "by day", "parts"]
    await store.close()


async def test_rows_that_are_deleted_or_changed_by_hand_are_counted_as_they_are(emptied: Engine, client: Client) -> None:
    """As an operator may: the projection follows."""
    events = filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    window = where(from_ms=START, to_ms=END)
    client.command(f"DELETE FROM events_by_time WHERE id = '{events[1].id}'")
    ids = f"('{events[2].id}', '{events[-2].id}')"
    client.command(f"ALTER TABLE events_by_time UPDATE kind = 'changed' WHERE id IN {ids}", settings={"mutations_sync": 2})
    store.pool = traced = TracedQueries(store.pool)
    buckets = await store.histogram(window, WHOLE, "kind")
    assert traced.ways == ["parts", "by day", "parts"]
    assert sum(buckets[0].counts.values()) == len(events) - len(events[5::10]) - 1
    assert buckets[0].counts["changed"] == 2
    await store.close()


async def test_what_retention_takes_of_a_month_is_not_counted(engine: Engine) -> None:
    """A month goes as a whole, later than its first rows: until then it is what FINAL shows."""
    with opened(engine) as client:
        events = filled(engine, client)
        store = ClickHouseEventStore(engine.open)
        window = where(from_ms=START, to_ms=END)
        left = "SELECT count() FROM events_by_time FINAL"
        for since in ((START + END) // 2, END + DAY):
            age_s = int(time.time()) - since // 1_000
            client.command(f"ALTER TABLE events_by_time MODIFY TTL toDateTime(updated_ts) + toIntervalSecond({age_s})")
            merge(client, *MONTHS[:3])
            assert await store.count(window) == client.query(left).result_rows[0][0]
        assert await store.count(window) < len(events)
        await store.close()


async def test_the_bound_on_rows_is_that_of_both_halves_together(emptied: Engine, client: Client) -> None:
    filled(emptied, client)
    december = START + 91 * DAY
    by_day = "SELECT sum(rows) FROM system.projection_parts WHERE active AND database = currentDatabase() AND partition != '202512'"
    with_final = "SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND partition = '202512'"
    of_days, of_rows = (client.query(f"{text} AND table = 'events_by_time'").result_rows[0][0] for text in (by_day, with_final))
    store = ClickHouseEventStore(emptied.open, QueryLimits(read_rows=of_days + of_rows - 1))
    assert await store.count(where(from_ms=START, to_ms=december)) > 0
    assert await store.count(where(from_ms=december, to_ms=END)) > 0
    with pytest.raises(TooMuch):
        await store.count(where(from_ms=START, to_ms=END))
    await store.close()
    store = ClickHouseEventStore(emptied.open, QueryLimits(read_rows=of_days + of_rows))
    assert await store.count(where(from_ms=START, to_ms=END)) > 0
    await store.close()


async def test_a_tenant_is_never_counted_for_another(emptied: Engine, client: Client) -> None:
    filled(emptied, client)
    store = ClickHouseEventStore(emptied.open)
    assert await store.count(EventFilter(tenant="umbrella", from_ms=START, to_ms=END)) == 0
    query = histogram_by_day(where(from_ms=START, to_ms=END), DAY, "kind", [MergedDay(START // DAY, "")])
    assert query.tenant == TENANT
    await store.close()
