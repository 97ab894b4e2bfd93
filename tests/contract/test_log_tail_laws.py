"""The laws of a LogTail, on the memory twin and on a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.query_api.live.positions import WITH_CAUSES, WITHOUT_CAUSES, Batch, LogRecord, Partition, Positions, partitions
from causeline.query_api.ports import LogReading
from causeline.schemas.topics import EVENTS, PROBLEMS
from causeline.schemas.web.errors import Unavailable
from tests.contract.log_tails import COUNT, KafkaTailSubject, MemoryTailSubject, TailSubject, kafka_tail_subject

E0, E1, P0 = Partition(EVENTS, 0), Partition(EVENTS, 1), Partition(PROBLEMS, 0)
NOW = int(time.time() * 1_000) + 3_600_000
"""In the future: the markers of transactions carry the broker's own time, and a look-up by time finds those too."""


@pytest.fixture(params=["memory", "kafka"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[TailSubject]:
    if request.param == "memory":
        yield MemoryTailSubject()
        return
    async with kafka_tail_subject(request.getfixturevalue("broker")) as tail:
        yield tail


@asynccontextmanager
async def reading(subject: TailSubject) -> AsyncIterator[LogReading]:
    opened = await subject.tail.open(WITH_CAUSES)
    try:
        yield opened
    finally:
        await opened.close()


async def until(opened: LogReading, end: Positions, seconds: float = 20) -> list[LogRecord]:
    """Read until the positions are those of an end."""
    records: list[LogRecord] = []
    async with asyncio.timeout(seconds):
        while True:
            batch: Batch = await opened.poll()
            records += batch.records
            if batch.positions == end:
                return records


def values(records: list[LogRecord], partition: Partition) -> list[bytes]:
    return [record.value for record in records if record.partition == partition]


async def test_committed_records_are_read_in_the_order_of_each_partition_with_offset_and_time(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a", b"b")
    await subject.commit(P0, NOW + 1, b"p")
    await subject.commit(E0, NOW + 2, b"c")
    async with reading(subject) as opened:
        opened.seek(await opened.begins())
        records = await until(opened, await opened.ends())
    assert values(records, E0) == [b"a", b"b", b"c"]
    assert [(r.offset, r.timestamp) for r in records if r.partition == E0] == [(0, NOW), (1, NOW), (3, NOW + 2)]
    assert values(records, P0) == [b"p"]


async def test_all_partitions_are_named_whether_or_not_they_hold_anything(subject: TailSubject) -> None:
    async with reading(subject) as opened:
        assert await opened.begins() == await opened.ends() == dict.fromkeys(partitions(COUNT, WITH_CAUSES), 0)
        opened.seek(await opened.begins())
        assert await opened.poll() == Batch([], dict.fromkeys(partitions(COUNT, WITH_CAUSES), 0))
    assert subject.tail.partitions == COUNT


async def test_a_reading_is_of_the_topics_that_were_asked_for(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a")
    opened = await subject.tail.open(WITHOUT_CAUSES)
    try:
        assert set(await opened.begins()) == set(await opened.ends()) == set(partitions(COUNT, WITHOUT_CAUSES))
        assert set(await opened.since(NOW)) == set(partitions(COUNT, WITHOUT_CAUSES))
        opened.seek(await opened.begins())
        assert values(await until(opened, await opened.ends()), E0) == [b"a"]
    finally:
        await opened.close()


async def test_compaction_leaves_the_beginning_where_it_is_and_what_it_took_is_passed_as_tombstones_are(subject: TailSubject) -> None:
    partition = await subject.compact(NOW, 4)
    async with reading(subject) as opened:
        begins, ends = await opened.begins(), await opened.ends()
        assert begins[partition] == 0
        for offset in range(3):
            opened.seek({**begins, partition: offset})
            assert values(await until(opened, ends), partition) == [b"3"]


async def test_what_was_aborted_is_never_read_and_is_passed(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a")
    await subject.abort(E0, NOW, b"x", b"y")
    await subject.commit(E0, NOW, b"b")
    await subject.abort(E0, NOW, b"z")
    async with reading(subject) as opened:
        opened.seek(await opened.begins())
        assert values(await until(opened, await opened.ends()), E0) == [b"a", b"b"]


async def test_a_reading_from_the_end_gives_what_comes_after_at_once(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"before")
    async with reading(subject) as opened:
        opened.seek(await opened.ends())
        assert (await opened.poll()).records == []
        waiting = asyncio.create_task(opened.poll())
        await subject.commit(E1, NOW, b"after")
        began = time.monotonic()
        records = (await waiting).records
        while not records:
            records = (await opened.poll()).records
        assert time.monotonic() - began < 1
        assert values(records, E1) == [b"after"]


async def test_the_place_behind_a_record_is_where_the_next_one_is_read(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a", b"b")
    await subject.commit(E0, NOW, b"c")
    async with reading(subject) as opened:
        ends = await opened.ends()
        for offset, rest in ((1, [b"b", b"c"]), (2, [b"c"]), (3, [b"c"]), (4, [])):
            opened.seek({**ends, E0: offset})
            assert values(await until(opened, ends), E0) == rest


async def test_a_time_finds_the_first_record_not_before_it_on_each_partition(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a")
    await subject.commit(E0, NOW + 100, b"b")
    await subject.commit(P0, NOW + 50, b"p")
    async with reading(subject) as opened:
        ends = await opened.ends()
        for after, at_e0, at_p0 in ((-NOW, b"ab", b"p"), (0, b"ab", b"p"), (1, b"b", b"p"), (100, b"b", b""), (101, b"", b"")):
            opened.seek(await opened.since(NOW + after))
            records = await until(opened, ends)
            assert (b"".join(values(records, E0)), b"".join(values(records, P0))) == (at_e0, at_p0), f"{after} ms"


async def test_a_log_that_was_cut_begins_later_and_what_lies_before_cannot_be_read(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a", b"b", b"c")
    await subject.cut(E0, 2)
    async with reading(subject) as opened:
        begins = await opened.begins()
        assert begins[E0] == 2
        opened.seek(begins)
        assert values(await until(opened, await opened.ends()), E0) == [b"c"]
        opened.seek({**begins, E0: 0})
        with pytest.raises(Unavailable):
            await until(opened, await opened.ends())


async def test_readings_do_not_disturb_each_other(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, *(b"%d" % number for number in range(1_200)))
    async with reading(subject) as one, reading(subject) as two:
        ends = await one.ends()
        one.seek(await one.begins())
        two.seek({**await two.begins(), E0: 600})
        first, second = await asyncio.gather(until(one, ends), until(two, ends))
    assert values(first, E0) == [b"%d" % number for number in range(1_200)]
    assert values(second, E0) == [b"%d" % number for number in range(600, 1_200)]


async def test_a_record_as_large_as_the_topic_takes_is_read(subject: TailSubject) -> None:
    await subject.commit(E0, NOW, b"a", b"x" * (6 << 20), b"b")
    async with reading(subject) as opened:
        opened.seek(await opened.begins())
        assert [len(value) for value in values(await until(opened, await opened.ends()), E0)] == [1, 6 << 20, 1]


async def test_closing_twice_is_closing_once(subject: TailSubject) -> None:
    opened = await subject.tail.open(WITH_CAUSES)
    await opened.close()
    await opened.close()


def test_a_log_that_does_not_answer_is_unavailable_in_memory() -> None:
    asyncio.run(_is_unavailable(MemoryTailSubject()))


async def test_a_broker_that_does_not_answer_is_unavailable_and_readings_go_on_when_it_is_back(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "own broker")
    await asyncio.to_thread(broker.start)
    try:
        async with kafka_tail_subject(broker) as tail:
            await _is_unavailable(tail)
    finally:
        broker.stop()


async def _is_unavailable(subject: MemoryTailSubject | KafkaTailSubject) -> None:
    await subject.commit(E0, NOW, b"a")
    async with reading(subject) as opened:
        ends = await opened.ends()
        await subject.away()
        try:
            with pytest.raises(Unavailable):
                await opened.ends()
            with pytest.raises(Unavailable):
                await subject.tail.open(WITH_CAUSES)
        finally:
            subject.back()
    async with reading(subject) as again:
        again.seek(await again.begins())
        assert values(await until(again, ends, 60), E0) == [b"a"]
