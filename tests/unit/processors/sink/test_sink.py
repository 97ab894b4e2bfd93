"""The sink on the shipped twins: what it inserts, when it commits, and what it does when something is away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY
from tenacity import wait_none

from causeline.processors.adapters.kafka.sink import fetch_bytes
from causeline.processors.adapters.memory.sink import MemoryDeadLetters, MemorySinkSource, MemoryTableWriter, MemoryTopics
from causeline.processors.sink.batches import group_records
from causeline.processors.sink.ports import Away, FramedRecord, InsertOutcome, TopicPartition
from causeline.processors.sink.sink import InsertLimits, Sink, SinkClock
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, EVENTS, PROBLEMS
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests import patience
from tests.contract.revision_rows import revision

T0 = 1_780_000_000_000
NO_LINGER = InsertLimits(linger_ms=0)
E0, E1, P0 = TopicPartition(EVENTS, 0), TopicPartition(EVENTS, 1), TopicPartition(PROBLEMS, 0)


def event(number: int, **fields: object) -> bytes:
    event_fields = {"tenant": "t", "id": ids.uuid7(T0 + number, number.to_bytes(10)), "ts": T0 + number, **fields}
    return codec.encode_record(Event(dialect="native", kind="change", ingest_ts=T0, updated_ts=T0, **event_fields))  # type: ignore[arg-type]


def problem(version: int = 1) -> bytes:
    record = Problem(
        tenant="t",
        id="p",
        version=version,
        dialect="desk",
        kind="incident",
        correlation_id="c",
        event_id="e",
        state="open",
        transition="opened",
        at=T0,
        start=T0,
        last_receipt=T0,
        ingest_ts=T0,
    )
    return codec.encode_record(record)


class Bench:
    """The twins of one run. `seconds` is the monotonic clock; it stands still unless a test moves it."""

    def __init__(self) -> None:
        self.topics = MemoryTopics([E0, E1, P0])
        self.writer = MemoryTableWriter()
        self.letters = MemoryDeadLetters()
        self.seconds = 0.0
        self.wall_ms = T0

    def sink(self, limits: InsertLimits = NO_LINGER, writer: MemoryTableWriter | None = None) -> Sink:
        clock = SinkClock(now_ms=lambda: self.wall_ms, monotonic=lambda: self.seconds)
        source = MemorySinkSource(self.topics)
        return Sink(source, writer or self.writer, self.letters, clock, limits=limits, backoff=wait_none())

    @asynccontextmanager
    async def running(self, sink: Sink) -> AsyncIterator[Sink]:
        task = asyncio.create_task(sink.run())
        try:
            yield sink
        finally:
            sink.stop()
            await asyncio.wait_for(task, 5)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await self.topics.wake_polls()
                await patience.turn()

    def applied(self) -> bool:
        return self.topics.committed == self.topics.ends()

    def numbers(self) -> list[int]:
        return [e.ts - T0 for e in self.writer.events()]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_both_topics_are_copied_and_then_committed(bench: Bench) -> None:
    before = metric("causeline_rows_inserted_total", table="events")
    for n in range(10):
        bench.topics.append(E0 if n % 2 else E1, event(n))
    bench.topics.append(P0, problem())
    async with bench.running(bench.sink()):
        await bench.until(bench.applied)
    assert bench.numbers() == list(range(10))
    assert len(bench.writer.problems("open")) == 1
    assert metric("causeline_rows_inserted_total", table="events") == before + 10


async def test_positions_pass_transaction_markers_also_where_no_record_came(bench: Bench) -> None:
    bench.topics.append(E0, event(1))
    bench.topics.mark(E0)
    async with bench.running(bench.sink()):
        await bench.until(lambda: bench.topics.committed.get(E0) == 2)
        bench.topics.mark(E0)
        bench.topics.mark(P0)
        await bench.until(bench.applied)
    assert bench.topics.committed == {E0: 3, E1: 0, P0: 1}


class CrashesOnce(MemoryTableWriter):
    """Stores the rows of the first insert, then the process is gone: the answer never arrives."""

    crashed = False

    async def insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
        outcome = await super().insert(table, schema_id, frames)
        if not self.crashed:
            self.crashed = True
            raise ConnectionResetError
        return outcome


async def test_after_a_crash_between_insert_and_commit_the_rows_go_again_and_show_once(bench: Bench) -> None:
    for n in range(5):
        bench.topics.append(E0, event(n))
    bench.writer = CrashesOnce()
    with pytest.raises(ExceptionGroup) as crash:
        await asyncio.wait_for(bench.sink().run(), 5)
    assert crash.group_contains(ConnectionResetError)
    assert bench.topics.committed == {}
    async with bench.running(bench.sink()):
        await bench.until(bench.applied)
    assert bench.writer.inserts == [5, 5]
    assert bench.numbers() == list(range(5))


async def test_while_clickhouse_is_away_nothing_is_committed_and_then_nothing_is_missing(bench: Bench) -> None:
    bench.writer.outage = Away("TOO_MANY_PARTS", "merges are behind")
    before = metric("causeline_insert_retries_total", error="TOO_MANY_PARTS")
    for n in range(5):
        bench.topics.append(E0, event(n))
    bench.wall_ms = T0 + 7_000
    async with bench.running(bench.sink()):
        await bench.until(lambda: len(bench.writer.inserts) > 10)
        assert bench.topics.committed == {}
        assert metric("causeline_insert_retries_total", error="TOO_MANY_PARTS") >= before + 9
        assert metric("causeline_lag_seconds", stage="sink") > 1e9  # the twin's records have timestamp 0
        for n in range(5, 9):
            bench.topics.append(E0, event(n))
        bench.writer.outage = None
        await bench.until(bench.applied)
    assert bench.numbers() == list(range(9))
    assert metric("causeline_lag_seconds", stage="sink") == 0


async def test_while_clickhouse_is_away_at_most_two_batches_are_in_memory(bench: Bench) -> None:
    bench.writer.outage = Away("NETWORK_ERROR", "")
    for n in range(100):
        bench.topics.append(E0, event(n))
    source = MemorySinkSource(bench.topics)
    clock = SinkClock(now_ms=lambda: T0, monotonic=lambda: 0.0)
    limits = InsertLimits(linger_ms=0, max_records=10)
    sink = Sink(source, bench.writer, bench.letters, clock, limits=limits, backoff=wait_none())
    async with bench.running(sink):
        await bench.until(lambda: len(bench.writer.inserts) > 50)
        assert (await source.poll(1_000, 0)).records[0].offset == 20
        assert set(bench.writer.inserts) == {10}


async def test_a_stop_during_an_outage_ends_at_once_and_commits_nothing(bench: Bench) -> None:
    bench.writer.outage = Away("NETWORK_ERROR", "")
    bench.topics.append(E0, event(1))
    async with bench.running(bench.sink()):
        await bench.until(lambda: bool(bench.writer.inserts))
    assert bench.topics.committed == {}


async def test_a_stop_waits_for_the_running_insert_and_commits_it(bench: Bench) -> None:
    release, entered = asyncio.Event(), asyncio.Event()

    class Slow(MemoryTableWriter):
        async def insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
            entered.set()
            await release.wait()
            return await super().insert(table, schema_id, frames)

    bench.topics.append(E0, event(1))
    slow = Slow()
    sink = bench.sink(writer=slow)
    task = asyncio.create_task(sink.run())
    await entered.wait()
    sink.stop()
    release.set()
    await asyncio.wait_for(task, 5)
    assert len(slow.events()) == 1
    assert bench.topics.committed[E0] == 1


@pytest.mark.parametrize("bad_at", [0, 3, 6])
async def test_a_refused_row_is_set_aside_with_its_bytes_and_the_others_go_on(bench: Bench, bad_at: int) -> None:
    before = metric("causeline_dead_letters_total", reason="row_refused")
    values = [event(n) for n in range(6)]
    values.insert(bad_at, values[0][:-9])
    for value in values:
        bench.topics.append(E0, value, key=b"key", timestamp=T0 + 5)
    async with bench.running(bench.sink()):
        await bench.until(bench.applied)
    assert bench.numbers() == list(range(6))
    (letter,) = bench.letters.letters[E0]
    assert (letter.reason, letter.topic, letter.partition, letter.offset, letter.at) == ("row_refused", EVENTS, 0, bad_at, T0 + 5)
    assert (letter.key, letter.value) == (b"key", values[bad_at])
    assert letter.detail
    assert metric("causeline_dead_letters_total", reason="row_refused") == before + 1


@pytest.mark.parametrize("value", [b"", b"\x01\x00\x00\x00\x01", b"\x00\x00\x00\x03\xe7abc", problem()])
async def test_bytes_that_are_no_record_of_their_topic_are_set_aside_unasked(bench: Bench, value: bytes) -> None:
    bench.topics.append(E0, value)
    bench.topics.append(E0, event(1))
    async with bench.running(bench.sink()):
        await bench.until(bench.applied)
    assert [letter.reason for letter in bench.letters.letters[E0]] == ["undecodable"]
    assert bench.numbers() == [1]


async def test_a_tombstone_of_a_compacted_topic_is_passed_over_and_committed_and_elsewhere_no_record_at_all(bench: Bench) -> None:
    c0 = TopicPartition(CAUSES, 0)
    bench.topics.log[c0] = []
    bench.topics.append(c0, codec.encode_record(revision(1)), key=b"p")
    bench.topics.append(c0, b"", key=b"p")
    bench.topics.append(E0, b"")
    async with bench.running(bench.sink()):
        await bench.until(bench.applied)
    assert [row.revision for row in bench.writer.revisions()] == [1]
    assert bench.topics.committed[c0] == 2
    assert [(letter.topic, letter.reason) for letters in bench.letters.letters.values() for letter in letters] == [(EVENTS, "undecodable")]


async def test_an_outage_in_the_middle_of_halving_sets_nothing_aside_wrongly(bench: Bench) -> None:
    class Flaky(MemoryTableWriter):
        async def insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
            self.outage = Away("SOCKET_TIMEOUT", "") if len(self.inserts) % 3 == 1 else None
            return await super().insert(table, schema_id, frames)

    values = [event(n) for n in range(16)]
    values[5] = values[5][:-9]
    for value in values:
        bench.topics.append(E0, value)
    bench.writer = Flaky()
    async with bench.running(bench.sink()):
        await bench.until(bench.applied)
    assert bench.numbers() == [n for n in range(16) if n != 5]
    assert [letter.offset for letter in bench.letters.letters[E0]] == [5]


async def test_records_wait_for_the_linger_unless_the_log_was_quiet_or_a_reader_waits(bench: Bench) -> None:
    bench.seconds = 100.0
    sink = bench.sink(InsertLimits(linger_ms=250))
    async with bench.running(sink):
        bench.topics.append(E0, event(1))
        await bench.until(bench.applied)
        assert bench.numbers() == [1]  # quiet before: at once
        bench.topics.append(E0, event(2))
        for _ in range(20):
            await bench.topics.wake_polls()
            await patience.turn()
        assert bench.numbers() == [1]  # lingers
        bench.seconds += 0.251
        await bench.until(bench.applied)
        bench.topics.append(E0, event(3))
        sink.wake()
        await bench.until(bench.applied)  # the clock stands still
    assert bench.numbers() == [1, 2, 3]


@pytest.mark.parametrize(("rows", "linger_ms"), [(1, 30), (500, 62), (2_000, 250), (4_000, 250)])
async def test_the_linger_follows_the_rate_of_the_rows(bench: Bench, rows: int, linger_ms: int) -> None:
    bench.seconds = 100.0
    async with bench.running(bench.sink(InsertLimits(linger_ms=250, least_linger_ms=30, busy_per_s=2_000))):
        bench.topics.append(E0, event(0))
        await bench.until(bench.applied)
        bench.seconds += 1
        for n in range(1, rows + 1):
            bench.topics.append(E0, event(n))
        await bench.until(bench.applied)
        first = len(bench.writer.inserts)
        bench.topics.append(E0, event(rows + 1))
        bench.seconds += (linger_ms - 1) / 1_000
        for _ in range(20):
            await bench.topics.wake_polls()
            await patience.turn()
        assert len(bench.writer.inserts) == first
        bench.seconds += 0.002
        await bench.until(bench.applied)
    assert len(bench.writer.inserts) == first + 1


async def test_a_full_batch_does_not_linger(bench: Bench) -> None:
    bench.seconds = 100.0
    async with bench.running(bench.sink(InsertLimits(linger_ms=60_000, max_records=10))):
        for n in range(30):
            bench.topics.append(E0, event(n))
        await bench.until(lambda: len(bench.numbers()) == 30)
    assert set(bench.writer.inserts) == {10}


async def test_where_the_broker_does_not_take_the_commit_it_is_sent_again(bench: Bench) -> None:
    bench.topics.append(E0, event(1))
    bench.topics.reachable = False
    async with bench.running(bench.sink()):
        await bench.until(lambda: bench.numbers() == [1])
        assert bench.topics.committed == {}
        bench.topics.reachable = True
        await bench.until(bench.applied)
    assert bench.writer.inserts == [1]


async def test_a_fenced_sink_does_not_move_the_offsets_of_the_new_owner(bench: Bench) -> None:
    bench.topics.append(E0, event(1))
    zombie = bench.sink()
    MemorySinkSource(bench.topics)
    async with bench.running(zombie):
        await bench.until(lambda: bench.numbers() == [1])
    assert bench.topics.committed == {}


def framed(value: bytes, at: TopicPartition = E0) -> FramedRecord:
    return FramedRecord(at, 0, T0, b"", value)


def test_records_are_grouped_by_table_and_schema_and_cut_by_bytes() -> None:
    one = event(1)
    groups, misfits = group_records([framed(one), framed(problem(), P0), framed(one), framed(one)], 2 * len(one))
    assert [(g.table, g.schema_id, len(g.records)) for g in groups] == [("events", 11, 2), ("events", 11, 1), ("problem_transitions", 2, 1)]
    assert misfits == []


def test_a_record_over_the_limit_goes_alone() -> None:
    big = event(2, title="x" * 1_000)
    groups, _ = group_records([framed(event(1)), framed(big), framed(event(3))], 500)
    assert [len(g.records) for g in groups] == [1, 1, 1]


@pytest.mark.parametrize("partitions", [1, 4, 32, 100])
def test_what_is_prefetched_is_bounded_over_all_partitions(partitions: int) -> None:
    of_all = 3 * partitions
    assert fetch_bytes(of_all) * of_all <= 96 << 20
    assert fetch_bytes(4 * 4) == 6 << 20
