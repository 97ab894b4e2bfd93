"""What is counted by day where days are merged is what FINAL counts, however rows came in."""

from random import Random
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import CountedBy
from causeline.query_api.sql.events import select_histogram
from tests.contract.event_rows import DAY, HOUR, T0, Bench, event, where
from tests.contract.merging import END, MONTHS, START, WHOLE, merge, opened, sink
from tests.engine import Engine

_versions = st.fixed_dictionaries(
    {
        "number": st.integers(1, 12),
        "kind": st.sampled_from(["deployment", "drift"]),
        "status": st.sampled_from(["", "success", "failure"]),
        "environment": st.sampled_from(["", "production"]),
        "dialect": st.sampled_from(["native", "desk"]),
        "is_deleted": st.sampled_from([False, False, False, True]),
        "allowed_groups": st.sampled_from([[], [], ["ops"]]),
    }
)
_filters = st.fixed_dictionaries(
    {
        "kinds": st.sampled_from([(), (), ("drift",), ("drift", "deployment")]),
        "exclude_kinds": st.sampled_from([(), (), ("deployment",)]),
        "statuses": st.sampled_from([(), (), ("",), ("success", "failure")]),
        "environments": st.sampled_from([(), (), ("production",)]),
        "dialects": st.sampled_from([(), (), ("desk",)]),
        "groups": st.sampled_from([None, None, None, (), ("ops",)]),
    }
)
_edges = st.one_of(
    st.integers(START // HOUR, END // HOUR).map(lambda hour: hour * HOUR), st.sampled_from([START, END, START + 1, T0, END - 1])
)
_windows = st.one_of(st.just((None, None)), st.tuples(_edges, _edges).map(lambda edges: (min(edges), max(edges))), st.just((START, END)))


def at(number: int) -> int:
    """When an event is: always the same, all over the four months, some at the edges of days."""
    return (START + number // 2 * 18 * DAY + number % 4 * 6 * HOUR) - number % 3


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_versions, min_size=1, max_size=30),
    filters=_filters,
    window=_windows,
    step_ms=st.sampled_from([DAY, DAY, 7 * DAY, 30 * DAY, WHOLE, HOUR, DAY + HOUR]),
    by=st.sampled_from(["kind", "status", "environment", "priority", "service"]),
    chance=st.randoms(use_true_random=False),
)
async def test_what_is_counted_by_day_is_what_final_counts(
    emptied: Engine,
    rows: list[dict[str, Any]],
    filters: dict[str, Any],
    window: tuple[int | None, int | None],
    step_ms: int,
    by: CountedBy,
    chance: Random,
) -> None:
    """Versions, deletes and repeats of events, in any number of inserts, with merges of any months in between."""
    memory, store = Bench(MemoryEventStore(), None), Bench(ClickHouseEventStore(emptied.open), emptied)
    assert isinstance(store.store, ClickHouseEventStore)
    with opened(emptied) as client:
        client.command("TRUNCATE TABLE events_by_time SYNC")
        rows = [{**row, "version": version} for version, row in enumerate(rows, 1)]
        rest = [event(at(row["number"]), id=f"{row['number']}", **{k: v for k, v in row.items() if k != "number"}) for row in rows]
        rest += rest[chance.randrange(len(rest)) :]  # as a sink that was killed does
        while rest:
            size = chance.randint(1 + len(rest) // 4, len(rest))
            memory.put(*rest[:size])
            await sink(emptied, *rest[:size]) if chance.random() < 0.8 else store.put(*rest[:size])
            del rest[:size]
            merge(client, *chance.sample(MONTHS, chance.choice([0, 0, 1, 4])))
    asked = where(from_ms=window[0], to_ms=window[1], **filters)
    answer = await store.store.histogram(asked, step_ms, by)
    assert answer == await memory.store.histogram(asked, step_ms, by)
    rows_of_final = await store.store.pool.rows(select_histogram(asked, step_ms, by), msgspec.json.Decoder(dict[str, Any]))
    assert [(b.start, label, n) for b in answer for label, n in b.counts.items()] == [tuple(row.values()) for row in rows_of_final]
    assert await store.store.count(asked) == await memory.store.count(asked) == sum(sum(b.counts.values()) for b in answer)
    await store.store.close()
