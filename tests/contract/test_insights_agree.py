"""What ClickHouse counts with arrays is what the pure core counts, on random histories and however the rows came in."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.tallies import InsightTallies
from tests.contract.event_rows import TENANT, Bench, event, gone
from tests.contract.merging import opened, sink
from tests.engine import Engine
from tests.lifecycles import insight_queries, lifecycle_histories, timed_fields

PATIENT = QueryLimits(handles=2, seconds=60, silence_s=60)
"""What is compared is what is counted, not how fast: a machine that does much else may take its time."""


def ordered(tallies: InsightTallies) -> list[list[Any]]:
    """The rows in an order, as lists of values."""
    return [
        sorted(([getattr(row, name) for name in names] for row in rows), key=str)
        for rows, names in (
            (tallies.actions, ("stage", "action", "bucket", "n")),
            (tallies.runs, ("stage", "bucket", "ended", "good", "timings", "quantiles", "running", "never_finished")),
            (tallies.hours, ("stage", "hour", "n")),
            (tallies.flow, ("stage", "n", "p50")),
        )
    ]


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    histories=st.lists(st.tuples(lifecycle_histories, insight_queries(TENANT)), min_size=1, max_size=8),
    chance=st.randoms(use_true_random=False),
)
async def test_the_store_counts_what_the_definition_counts(
    emptied: Engine, histories: list[tuple[list[dict[str, Any]], InsightQuery]], chance: Random
) -> None:
    """Each history is a tenant's; versions and deletes, in any order and several inserts, with merges in between."""
    memory, store = Bench(MemoryEventStore(), None), Bench(ClickHouseEventStore(emptied.open, PATIENT), emptied)
    rows = [event(tenant=f"h{n}", **fields) for n, (history, _) in enumerate(histories) for fields in timed_fields(history)]
    rows += [gone(row) for row in rows if chance.random() < 0.05 and not row.is_deleted]
    chance.shuffle(rows)
    memory.put(*rows)
    with opened(emptied) as client:
        client.command("TRUNCATE TABLE events_by_time SYNC")
        half = chance.randint(0, len(rows))
        for part in (rows[:half], rows[half:]):
            if part:
                await sink(emptied, *part)
            if chance.random() < 0.6:
                client.command("OPTIMIZE TABLE events_by_time FINAL")
    for n, (_, asked) in enumerate(histories):
        query = msgspec.structs.replace(asked, tenant=f"h{n}")
        assert ordered(await store.store.insights(query)) == ordered(await memory.store.insights(query))
    assert isinstance(store.store, ClickHouseEventStore)
    await store.store.close()


@pytest.mark.parametrize("groups", [None, ()])
async def test_a_window_without_events_amounts_to_nothing(bench: Bench, groups: tuple[str, ...] | None) -> None:
    query = InsightQuery(tenant=TENANT, groups=groups, edges=(0, 1), now=2)
    assert ordered(await bench.store.insights(query)) == [[], [], [], []]


async def test_the_columns_of_a_row_are_what_its_text_says(emptied: Engine) -> None:
    """The defaults, by which older rows have them, give what the view does."""
    rows = [event(commit='c\n"1', repo="api", tags={"runId": "8"}), event(repo="ä", tags={"run_id": "7", "runId": "8"}), event()]
    await sink(emptied, *rows)
    parsed = ", ".join(f"JSONExtractString(substringIndex(record, '\\n', 1), {place})" for place in (19, 20))
    with opened(emptied) as client:
        found = client.query(f"SELECT commit, repo, run_id, {parsed} FROM events_by_time ORDER BY id").result_rows
    tags = ["8", "7", ""]
    assert [tuple(row) for row in found] == [(row.commit, row.repo, tag, row.commit, row.repo) for row, tag in zip(rows, tags, strict=True)]
