"""What every EventStore promises of counts and windows: histogram, correlation window, edges."""

import asyncio
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import (
    FOLLOWED_MS,
    ChangeQuery,
    ChangeRate,
    ChangeUpdate,
    Edges,
    KindWindow,
    Page,
    RateQuery,
    TimeBucket,
    UpdateQuery,
)
from causeline.query_api.questions.relation import relation_of
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from tests.contract.event_rows import ALL, DAY, HOUR, T0, TENANT, Bench, event, gone, numbers, titles, where
from tests.engine import Engine


async def test_the_histogram_counts_by_bucket_and_label(bench: Bench) -> None:
    start = T0 - T0 % HOUR
    bench.put(
        event(start + 5, service="a"),
        event(start + HOUR - 1, service="a", kind="drift"),
        event(start + HOUR, service="", kind="drift"),
        event(start + 3 * HOUR, service="it's"),
        event(start + 4 * HOUR, service="beyond"),
    )
    window = where(from_ms=start + 5, to_ms=start + 4 * HOUR)
    assert await bench.store.histogram(window, HOUR, "service") == [
        TimeBucket(start, {"a": 2}),
        TimeBucket(start + HOUR, {"": 1}),
        TimeBucket(start + 3 * HOUR, {"it's": 1}),
    ]
    assert (await bench.store.histogram(window, HOUR, "kind"))[0] == TimeBucket(start, {"deployment": 1, "drift": 1})
    assert (await bench.store.histogram(window, DAY, "status")) == [TimeBucket(start - start % DAY, {"": 4})]


async def test_a_change_is_in_the_window_that_any_moment_of_it_touches(bench: Bench) -> None:
    bench.put(
        event(T0 - 3 * HOUR, title="spans", start=T0 - 3 * HOUR, end=T0 + 3 * HOUR),
        event(T0 - 2 * HOUR, title="ends at start", start=T0 - 2 * HOUR, end=T0 - HOUR),
        event(T0 - 2 * HOUR, title="ends before", start=T0 - 2 * HOUR, end=T0 - HOUR - 1),
        event(T0 + HOUR, title="begins at end", end=T0 + 2 * HOUR),
        event(T0 + HOUR + 1, title="begins after"),
        event(T0, title="inside"),
        event(T0 - 5 * HOUR, title="told long before it begins", start=T0 + 1),
        event(T0 + 5 * HOUR, title="told long after it ended", start=T0 - 2, end=T0 - 1),
        event(T0 - HOUR - 1, title="a moment before"),
        event(T0 - 2 * HOUR, title="only an end", end=T0),
    )
    changes = await bench.store.changes(ChangeQuery(tenant=TENANT, at=T0, from_ms=T0 - HOUR, to_ms=T0 + HOUR))
    assert set(titles(change.event for change in changes)) == {
        "spans",
        "ends at start",
        "begins at end",
        "inside",
        "told long before it begins",
        "told long after it ended",
        "only an end",
    }


async def test_changes_come_closest_relation_first_then_nearest_in_time(bench: Bench) -> None:
    bench.put(
        event(T0 - 1, title="other"),
        event(T0 - 50, title="environment", environment="production"),
        event(T0 + 60, title="tag", tags={"region": "eu"}, environment="production"),
        event(T0 - 70, title="far service", service="shop", tags={"region": "eu"}),
        event(T0 + 20, title="near service", service="shop"),
        event(T0 - 90, title="entity", entities=["HOST-2", "HOST-1"]),
        event(T0, title="tag, other value", tags={"region": "us"}),
        event(T0, title="an incident", kind="incident", service="shop"),
        event(T0, title="itself", id=ids.uuid7(T0, b"0123456789"), service="shop"),
    )
    query = ChangeQuery(
        tenant=TENANT,
        at=T0,
        from_ms=T0 - 100,
        to_ms=T0 + 100,
        service="shop",
        environment="production",
        entities=("HOST-1", "HOST-9"),
        tags=(("x", "y"), ("region", "eu")),
        exclude_ids=(ids.uuid7(T0, b"0123456789"),),
        exclude_kinds=("incident", "info"),
    )
    changes = [(change.event.title, change.relation, change.offset_seconds) for change in await bench.store.changes(query)]
    assert changes == [
        ("entity", "same_entity", -0.09),
        ("near service", "same_service", 0.02),
        ("far service", "same_service", -0.07),
        ("tag", "same_tag", 0.06),
        ("environment", "same_environment", -0.05),
        ("tag, other value", "other", 0.0),
        ("other", "other", -0.001),
    ]
    assert len(await bench.store.changes(msgspec.structs.replace(query, limit=3))) == 3


async def test_kinds_have_windows_of_their_own_and_kinds_without_one_are_no_changes(bench: Bench) -> None:
    bench.put(
        event(T0 - 2 * HOUR, title="late enough"),
        event(T0 - 5 * HOUR, title="too early"),
        event(T0 - 5 * HOUR, title="too early, but lasting", end=T0 - 4 * HOUR),
        event(T0 - 5 * HOUR, title="a kind that works slowly", kind="migration"),
        event(T0 - 30 * HOUR, title="too early for it too", kind="migration"),
        event(T0 - HOUR, title="of no asked kind", kind="build"),
    )
    windows = (KindWindow(("deployment", "flag"), T0 - 4 * HOUR), KindWindow(("migration",), T0 - 24 * HOUR))
    query = ChangeQuery(tenant=TENANT, at=T0, from_ms=T0 - 24 * HOUR, to_ms=T0, windows=windows)
    changes = await bench.store.changes(query)
    assert {change.event.title for change in changes} == {"late enough", "too early, but lasting", "a kind that works slowly"}


async def test_rates_count_the_changes_of_a_service_and_those_that_a_problem_of_it_followed(bench: Bench) -> None:
    patched = event(T0 - 3 * HOUR, service="shop")
    bench.put(
        patched,
        msgspec.structs.replace(patched, version=2, title="patched"),
        event(T0 - 2 * FOLLOWED_MS, service="shop"),
        event(T0, service="shop", kind="flag"),
        event(T0 - HOUR, service="cart"),
        event(T0 - HOUR, service="cart", allowed_groups=["sre"]),
        event(T0 - HOUR, service="shop", kind="build"),
        event(T0 - HOUR, service="other"),
        event(T0 + HOUR, service="shop"),
        gone(event(T0 - HOUR, service="shop")),
    )
    query = RateQuery(
        tenant=TENANT,
        groups=(),
        from_ms=T0 - 3 * FOLLOWED_MS,
        to_ms=T0 + HOUR,
        services=("shop", "cart"),
        kinds=("deployment", "flag"),
        problems=(("shop", T0), ("cart", T0 - HOUR - 1), ("other", T0)),
    )
    expected = [ChangeRate("cart", "deployment", 1, 0), ChangeRate("shop", "deployment", 2, 1), ChangeRate("shop", "flag", 1, 1)]
    assert await bench.store.rates(query) == expected
    everyone = await bench.store.rates(msgspec.structs.replace(query, groups=None, problems=()))
    assert everyone == [ChangeRate("cart", "deployment", 2, 0), ChangeRate("shop", "deployment", 2, 0), ChangeRate("shop", "flag", 1, 0)]


async def test_a_problem_follows_from_the_moment_of_a_change_for_a_day(bench: Bench) -> None:
    bench.put(event(T0, service="shop"))
    query = RateQuery(tenant=TENANT, from_ms=T0, to_ms=T0 + 1, services=("shop",), kinds=("deployment",))
    for start, followed in ((T0 - 1, 0), (T0, 1), (T0 + FOLLOWED_MS - 1, 1), (T0 + FOLLOWED_MS, 0)):
        rates = await bench.store.rates(msgspec.structs.replace(query, problems=(("shop", start),)))
        assert rates == [ChangeRate("shop", "deployment", 1, followed)]


async def test_a_reference_without_fields_relates_to_nothing(bench: Bench) -> None:
    bench.put(event(T0, service="", environment="", tags={"": ""}, entities=[""]))
    changes = await bench.store.changes(ChangeQuery(tenant=TENANT, at=T0, from_ms=T0, to_ms=T0))
    assert [change.relation for change in changes] == ["other"]


async def test_edges_take_events_whose_start_or_end_is_in_the_window(bench: Bench) -> None:
    first, last, now = T0, T0 + HOUR, T0 + 2 * HOUR
    bench.put(
        event(T0 - HOUR, title="ends at first", start=T0 - HOUR, end=first),
        event(T0 - HOUR, title="spans", start=T0 - HOUR, end=last + 1),
        event(last, title="starts at last", start=last, end=last + HOUR),
        event(last + 1, title="after", start=last + 1, end=last + 2),
        event(T0 - HOUR, title="open, no deadline", start=T0 - HOUR),
        event(T0 - HOUR, title="timed out in it", start=T0 - HOUR, deadline=T0 + 1),
        event(T0 - HOUR, title="still open", start=T0 - HOUR, deadline=now + HOUR),
        event(T0 + 1, title="opened in it", start=T0 + 1, deadline=now + HOUR),
    )
    expected = {"ends at first", "starts at last", "timed out in it", "opened in it"}
    edges = Edges(first, last, now)
    assert set(titles(await bench.store.events(where(), ALL, edges))) == expected
    assert await bench.store.count(where(), edges) == len(expected)
    till_now = Edges(first, now, now)
    assert {"open, no deadline", "still open", "spans"} <= set(titles(await bench.store.events(where(), ALL, till_now)))


async def test_ten_thousand_rows_are_counted_and_read_whole(bench: Bench) -> None:
    bench.put(*(event(T0 + n * 1000, title=f"n{n}", service=f"s{n % 10}") for n in range(10_000)))
    rows = await bench.store.events(where(), Page(limit=10_001))
    assert len(rows) == len({e.id for e in rows}) == await bench.store.count(where()) == 10_000
    assert [e.ts for e in rows] == sorted((e.ts for e in rows), reverse=True)
    assert await bench.store.count(where(services=("s3", "s4"))) == 2_000
    buckets = await bench.store.histogram(where(from_ms=T0, to_ms=T0 + DAY), HOUR, "service")
    assert sum(sum(b.counts.values()) for b in buckets) == 10_000
    assert titles(await bench.store.events(where(words="N7777"), ALL)) == ["n7777"]


_names = st.sampled_from(["", "a", "b", "ä'\\"])


_changes = st.lists(
    st.fixed_dictionaries(
        {
            "ts": st.integers(-3, 3),
            "start": st.none() | st.integers(-4, 4),
            "end": st.none() | st.integers(-4, 4),
            "service": _names,
            "environment": _names,
            "tags": st.dictionaries(_names, _names, max_size=2),
            "entities": st.lists(_names, max_size=2),
        }
    ),
    max_size=12,
)


_references = st.fixed_dictionaries(
    {
        "service": _names,
        "environment": _names,
        "tags": st.lists(st.tuples(_names, _names), max_size=2).map(tuple),
        "entities": st.lists(_names, max_size=2).map(tuple),
    }
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_changes, reference=_references)
def test_clickhouse_ranks_windows_as_the_pure_rule_does(migrated: Engine, rows: list[dict[str, Any]], reference: dict[str, Any]) -> None:
    """The twin ranks by `relation.py`, ClickHouse by its own expression: both lists must be equal, row by row."""

    async def both() -> None:
        memory, tenant = MemoryEventStore(), f"t{next(numbers)}"
        store = ClickHouseEventStore(migrated.open, QueryLimits(handles=1))
        try:
            events = [
                event(
                    T0 + row["ts"],
                    tenant=tenant,
                    **{name: row[name] for name in ("service", "environment", "tags", "entities")},
                    **{name: None if row[name] is None else T0 + row[name] for name in ("start", "end")},
                )
                for row in rows
            ]
            Bench(memory, None).put(*events)
            Bench(store, migrated).put(*events)
            query = ChangeQuery(tenant=tenant, at=T0, from_ms=T0 - 2, to_ms=T0 + 1, **reference)
            changes = await store.changes(query)
            assert changes == await memory.changes(query)
            assert [change.relation for change in changes] == [relation_of(change.event, query) for change in changes]
        finally:
            await store.close()

    asyncio.run(both())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spans=st.lists(
        st.tuples(
            st.sampled_from([-40 * DAY, -DAY, -HOUR, -1, 0, 1, HOUR]),
            st.sampled_from([None, -HOUR, 0, 1, HOUR, 40 * DAY]),
            st.sampled_from([None, -HOUR, -1, 0, 1, HOUR, DAY]),
        ),
        min_size=1,
        max_size=8,
    ),
    window=st.tuples(st.sampled_from([-2 * HOUR, -1, 0]), st.sampled_from([0, 1, HOUR])),
    now=st.sampled_from([-HOUR, 0, 1, 2 * DAY]),
)
async def test_both_stores_find_the_same_events_at_the_edges_of_a_window(
    emptied: Engine, spans: list[tuple[int, int | None, int | None]], window: tuple[int, int], now: int
) -> None:
    """A start, a length and a deadline each; events without an end are open until `now` at the latest."""
    client = emptied.open()
    client.command("TRUNCATE TABLE events_by_time SYNC")
    client.close()
    rows = []
    for n, (start, length, deadline) in enumerate(spans):
        end = None if length is None else T0 + start + length
        fields = {"start": T0 + start, "end": end, "deadline": None if deadline is None else T0 + deadline}
        rows.append(event(T0 + start, title=str(n), dialect="desk", updated_ts=T0, **fields))
    edges = Edges(T0 + window[0], T0 + window[1], T0 + now)
    event_filter = where(dialects=("desk",), to_ms=edges.to_ms + 1)
    memory, engine = Bench(MemoryEventStore(), None), Bench(ClickHouseEventStore(emptied.open), emptied)
    answers = []
    for bench in (memory, engine):
        bench.put(*rows)
        answers.append((titles(await bench.store.events(event_filter, ALL, edges)), await bench.store.count(event_filter, edges)))
    assert isinstance(engine.store, ClickHouseEventStore)
    await engine.store.close()
    assert answers[0] == answers[1]


async def test_updates_are_the_newest_versions_that_came_in_since_deleted_and_moved_ones_too(bench: Bench) -> None:
    def at(version: int, ts: int = T0, **fields: Any) -> Event:
        return event(ts, version=version, updated_ts=T0 + version * HOUR, **fields)

    rollout, quiet, moved, hidden = (ids.uuid7(T0, next(numbers).to_bytes(10)) for _ in range(4))
    bench.put(
        at(1, id=quiet),
        at(1, id=rollout, start=T0 - HOUR),
        at(2, id=rollout, start=T0 - HOUR, end=T0 + 5),
        at(1, id=moved),
        at(4, id=moved, is_deleted=True),
        at(4, T0 + DAY, id=moved),
        at(3, kind="ticket"),
        at(3, T0 - 2 * DAY),
        at(3, id=hidden, allowed_groups=["sre"]),
        at(3, tenant="other"),
    )
    query = UpdateQuery(tenant=TENANT, from_ms=T0 - DAY, to_ms=T0 + 2 * DAY, since=T0 + HOUR, kinds=("deployment", "drift"), limit=9)
    updates = [
        ChangeUpdate(moved, "deployment", T0, T0, T0 + 4 * HOUR),
        ChangeUpdate(moved, "deployment", T0 + DAY, T0 + DAY, T0 + 4 * HOUR),
        ChangeUpdate(hidden, "deployment", T0, T0, T0 + 3 * HOUR),
        ChangeUpdate(rollout, "deployment", T0 - HOUR, T0 + 5, T0 + 2 * HOUR),
    ]
    assert await bench.store.updates(query) == updates
    assert await bench.store.updates(msgspec.structs.replace(query, limit=2)) == updates[:2]
    assert await bench.store.updates(msgspec.structs.replace(query, since=T0 + 4 * HOUR)) == []
    assert await bench.store.updates(msgspec.structs.replace(query, from_ms=T0 + 1, to_ms=T0 + DAY)) == []
