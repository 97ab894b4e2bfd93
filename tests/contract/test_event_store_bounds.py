"""The bounds of the ClickHouse store: what is over one is refused by its name, what it cannot answer is unavailable, never wrong."""

import asyncio

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from prometheus_client import REGISTRY

from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.questions.query import EventFilter, Page, RawTest
from causeline.schemas.web.errors import TooMuch, TooSlow, Unavailable
from tests.contract.event_rows import ALL, T0, Bench, event, where
from tests.engine import Engine


async def test_a_store_that_cannot_answer_says_so(engine: Engine) -> None:
    client = engine.open()
    client.command("DROP TABLE events_by_time SYNC")
    client.close()
    store = ClickHouseEventStore(engine.open)
    with pytest.raises(Unavailable):
        await store.events(where(), ALL)
    assert await store.answers()
    await store.close()
    with pytest.raises(Unavailable):
        await store.count(where())
    assert not await store.answers()


def _refused() -> float:
    return REGISTRY.get_sample_value("causeline_queries_refused_total", {"query": "events", "reason": "too_much"}) or 0.0


OVER = [
    (QueryLimits(rows=5), "is answered by more than 5 events"),
    (QueryLimits(result_bytes=1 << 20), "or 1 MiB"),
    (QueryLimits(read_rows=100), "reads more than 100 events"),
    (QueryLimits(read_bytes=1 << 20), "reads more than 1 MiB"),
    (QueryLimits(memory_bytes=8 << 20), "needs more than 8 MiB of memory"),
]


@pytest.mark.parametrize(("limits", "message"), OVER, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_question_over_a_bound_is_refused_by_name_and_the_next_one_answered(
    emptied: Engine, limits: QueryLimits, message: str
) -> None:
    store = ClickHouseEventStore(emptied.open, limits)
    Bench(store, emptied).put(*(event(T0 + n, raw=f'{{"note":"{"x" * 20_000}"}}') for n in range(500)))
    wide = where(from_ms=T0, to_ms=T0 + 1_000, raw=(RawTest("note", "exists"),))
    before = _refused()
    with pytest.raises(TooMuch, match=message) as refused:
        await store.events(wide, ALL)
    assert (refused.value.status, refused.value.reason) == (400, "too_much")
    assert _refused() == before + 1
    assert await store.events(where(services=("nobody",), from_ms=T0 + 1_000), Page(limit=5)) == []
    assert await store.answers()
    await store.close()


async def test_what_a_refused_question_put_out_already_is_never_part_of_the_next_answer(emptied: Engine) -> None:
    client = emptied.open()
    client.command(
        "INSERT INTO events (tenant, id, version, dialect, kind, ts, ingest_ts, updated_ts) SELECT 'acme', toString(number), 1, 'native',"
        f" 'deployment', fromUnixTimestamp64Milli({T0} + number), now(), now() FROM numbers(150000)"
    )
    client.close()
    store = ClickHouseEventStore(emptied.open, QueryLimits(handles=1))
    nobodys = EventFilter(tenant="umbrella")
    for _ in range(10):
        with pytest.raises(TooMuch, match="is answered by more than 100,000 events"):
            await store.histogram(where(from_ms=T0, to_ms=T0 + 150_000), 1, "kind")
        assert await store.count(nobodys) == 0
        with pytest.raises(TooMuch):
            await store.histogram(where(from_ms=T0, to_ms=T0 + 150_000), 1, "kind")
        assert await store.events(nobodys, Page(limit=5)) == []
    await store.close()


async def test_twenty_questions_over_a_bound_at_once_do_not_keep_a_small_one_from_its_answer(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open, QueryLimits(rows=5))
    Bench(store, emptied).put(*(event(T0 + n) for n in range(10)))
    outcomes = await asyncio.gather(
        *(store.events(where(), ALL) for _ in range(20)), store.events(where(), Page(limit=5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [TooMuch] * 20 + [list]
    assert await store.count(where()) == 10
    await store.close()


def test_a_question_that_takes_too_long_is_told_from_a_store_that_is_away() -> None:
    error = QueryLimits(seconds=5).refusal(DatabaseError("Code: 159. DB::Exception: Timeout exceeded", code=159))
    assert (type(error), error.status, error.reason) == (TooSlow, 503, "too_slow")
    away = QueryLimits().refusal(DatabaseError("Code: 60. DB::Exception: Unknown table", code=60))
    assert (away.status, away.reason) == (503, "unavailable")


def test_a_process_that_is_full_is_unavailable_not_a_question_too_large() -> None:
    full = DatabaseError("Code: 241. DB::Exception: (total) memory limit exceeded: would use 1.51 GiB", code=241)
    assert QueryLimits().refusal(full).reason == "unavailable"


async def test_more_waiting_queries_than_the_bound_are_refused_at_once(emptied: Engine) -> None:
    store = ClickHouseEventStore(emptied.open, QueryLimits(handles=1, waiting=3))
    outcomes = await asyncio.gather(*(store.count(where()) for _ in range(10)), return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome == 0] == [0] * 4
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 6
    assert await store.count(where()) == 0
    await store.close()
