from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import pytest

from causeline.processors.adapters.memory.sink import MemoryTableWriter
from causeline.processors.sink.comparison import Comparison
from causeline.processors.sink.ports import FramedRecord, SinkPositions, Span, Spans, TableWriter, TopicPartition
from causeline.processors.sink.rebuild import RebuildError, rebuild_tables
from causeline.schemas.topics import CAUSES, EVENTS

EQUAL = Comparison(7, 0, 0, 0, [])
DIFFERENT = Comparison(6, 0, 0, 1, [])
AT = TopicPartition(EVENTS, 0)


class Log:
    """A log whose records do not decode: what is copied is counted, what is asked for is written down."""

    def __init__(self, diary: list[str], ends: Sequence[int] = (0,), begin: int = 0, at: TopicPartition = AT) -> None:
        self._at = at
        self._happened = diary
        self._ends = list(ends)
        self._begin = begin

    async def spans(self) -> Spans:
        end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
        self._happened.append("ends")
        return {self._at: Span(self._begin, end)}

    async def sink_positions(self) -> SinkPositions:
        return {}

    async def read(self, spans: Spans, max_records: int) -> AsyncIterator[tuple[list[FramedRecord], SinkPositions]]:
        assert max_records > 0
        for at, span in spans.items():
            for offset in range(span.begin, span.end):
                yield [FramedRecord(at, offset, 1_000 + offset, b"", b"")], {at: offset + 1}


class Databases:
    """Databases that write down what is asked of them."""

    rows_to_copy = 0
    present, new = "events_db", "events_db_rebuild"

    def __init__(
        self, *, found: Sequence[Comparison] = (EQUAL,), pending: Sequence[str] = (), lacking: Sequence[str] = (), empty: bool = False
    ) -> None:
        self.happened: list[str] = []
        self.horizons: Mapping[str, int] = {}
        self._found = list(found)
        self._pending, self._lacking, self._empty = pending, lacking, empty

    def drop_new(self) -> None:
        self.happened.append("drop")

    def make_new(self) -> None:
        self.happened.append("make")

    def pending(self) -> Sequence[str]:
        return self._pending

    def count_uncopied(self) -> int:
        return self.rows_to_copy

    def lacking(self) -> Sequence[str]:
        return self._lacking

    def mend(self, *, has_losses: bool) -> None:
        self.happened.append("mend what was lost" if has_losses else "mend")

    def expect_unconfirmed(self) -> None:
        self.happened.append("expect unconfirmed")

    def add_unconfirmed(self, keys: list[tuple[str, str]]) -> None:
        raise AssertionError(keys)

    def is_empty(self) -> bool:
        return self._empty

    def carry(self, horizons: Mapping[str, int]) -> int:
        self.happened.append("carry")
        self.horizons = horizons
        return 2

    def compare(self, now_s: int) -> Comparison:
        assert now_s == 5
        self.happened.append("compare")
        return self._found.pop(0) if len(self._found) > 1 else self._found[0]

    def exchange(self) -> None:
        self.happened.append("exchange")

    @asynccontextmanager
    async def write_new(self) -> AsyncIterator[TableWriter]:
        yield MemoryTableWriter()

    @asynccontextmanager
    async def write_present(self) -> AsyncIterator[TableWriter]:
        self.happened.append("write the present")
        yield MemoryTableWriter()


class Report:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def outcome(self, found: Comparison) -> None:
        self.lines.append(f"{found.differing} differ")

    @contextmanager
    def copying(self, total: int) -> Iterator[Callable[[int], None]]:
        assert total >= 0
        yield lambda _: None


async def rebuilt(databases: Databases, log: Log | None = None, *, apply: bool = False, keep: bool = False) -> tuple[int, list[str]]:
    report = Report()
    code = await rebuild_tables(log or Log(databases.happened), databases, report, lambda: 5_999, apply=apply, keep=keep)
    return code, report.lines


async def test_without_apply_the_present_tables_are_compared_and_the_new_ones_dropped() -> None:
    databases = Databases()
    assert await rebuilt(databases) == (0, ["0 differ"])
    assert databases.happened == ["drop", "make", "expect unconfirmed", "ends", "compare", "drop"]


async def test_rows_that_a_migration_has_still_to_copy_come_first() -> None:
    databases = Databases()
    databases.rows_to_copy = 7
    for apply in (False, True):
        with pytest.raises(RebuildError, match="7 rows of events to copy: run `causeline migrate` first"):
            await rebuilt(databases, apply=apply)
    assert set(databases.happened) == {"drop", "mend"} - {"mend"}


async def test_a_swap_asks_for_the_ends_once_more_after_the_exchange() -> None:
    """What a sink inserted into the old tables just before lies before these ends: it is written into the new ones."""
    databases = Databases(found=[DIFFERENT])
    code, lines = await rebuilt(databases, apply=True, keep=True)
    assert (code, lines[-2:]) == (0, ["replaced: events_db is what the log says", "kept events_db_rebuild (the tables as they were)"])
    assert databases.happened[-4:] == ["ends", "exchange", "write the present", "ends"]
    assert databases.happened[:4] == ["drop", "make", "mend", "expect unconfirmed"]


async def test_a_difference_counts_once_nothing_came_in_meanwhile() -> None:
    databases = Databases(found=[DIFFERENT, EQUAL])
    assert await rebuilt(databases, Log(databases.happened, ends=[1, 2])) == (0, ["0 differ"])
    databases = Databases(found=[DIFFERENT, EQUAL])
    assert await rebuilt(databases, Log(databases.happened, ends=[1])) == (1, ["1 differ"])


async def test_sinks_that_go_on_inserting_end_the_comparison_after_three_rounds() -> None:
    databases = Databases(found=[DIFFERENT])
    assert await rebuilt(databases, Log(databases.happened, ends=range(1, 100))) == (1, ["1 differ"])
    assert databases.happened.count("compare") == 3


async def test_rows_older_than_a_log_that_was_cut_are_carried_over() -> None:
    databases = Databases()
    code, lines = await rebuilt(databases, Log(databases.happened, ends=[9], begin=4))
    assert (code, lines) == (0, ["carried over 2 rows that the log no longer has", "0 differ"])
    assert databases.horizons == {EVENTS: 1_004}


async def test_of_a_partition_that_was_emptied_every_row_may_be_older() -> None:
    databases = Databases()
    await rebuilt(databases, Log(databases.happened, ends=[4], begin=4))
    assert databases.horizons == {EVENTS: 5_999}


async def test_of_a_compacted_topic_every_row_may_be_one_that_the_log_no_longer_has() -> None:
    databases = Databases()
    code, lines = await rebuilt(databases, Log(databases.happened, ends=[9], at=TopicPartition(CAUSES, 0)))
    assert (code, lines) == (0, ["carried over 2 rows that the log no longer has", "0 differ"])
    assert databases.horizons == {CAUSES: 5_999}


async def test_empty_tables_are_replaced_without_a_comparison() -> None:
    databases = Databases(empty=True)
    code, lines = await rebuilt(databases, apply=True)
    assert (code, lines[0]) == (0, "events_db has no rows: nothing to compare")
    assert "compare" not in databases.happened


@pytest.mark.parametrize(
    ("databases", "message", "happened"),
    [
        (Databases(pending=["0003_x"]), "events_db lacks 0003_x: run `causeline migrate` first", ["drop"]),
        (Databases(lacking=["events"]), "events_db lacks events: `causeline rebuild --apply` makes them anew", ["drop", "make", "drop"]),
    ],
)
async def test_tables_that_are_not_whole_are_refused_and_left_as_they_are(databases: Databases, message: str, happened: list[str]) -> None:
    with pytest.raises(RebuildError, match=message):
        await rebuilt(databases)
    assert databases.happened == happened


@pytest.mark.parametrize(
    ("databases", "mended"),
    [
        (Databases(lacking=["events"]), "mend what was lost"),
        (Databases(lacking=["events"], pending=["0003_x"]), "mend"),
        (Databases(pending=["0003_x"]), "mend"),
    ],
)
async def test_apply_mends_them(databases: Databases, mended: str) -> None:
    assert (await rebuilt(databases, apply=True))[0] == 0
    assert databases.happened[2] == mended
