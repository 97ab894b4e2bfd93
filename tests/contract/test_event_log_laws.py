import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.ingest.adapters.kafka.log import KafkaEventLog
from causeline.ingest.placement import MAX_RECORD_BYTES
from causeline.ingest.ports import Position
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import TooLarge, Unavailable
from causeline.schemas.wire.partitioning import partition_of
from tests import patience
from tests.contract.event_logs import ACK_LIMIT_S, PARTITIONS, KafkaSubject, MemorySubject, Subject, kafka_subject, until, until_appended


def record(number: int, key: str = "", event: bytes = b"e") -> IngestRecord:
    return IngestRecord(op="create", tenant="t", id=key or f"id-{number}", record_id=str(number), ingest_ts=1_700_000_000_000, event=event)


def ready(log: KafkaEventLog) -> bool:
    return log.ready


@pytest.fixture(scope="module")
def fragile_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker of this module's own: its tests stop and kill it."""
    own_broker = EmbeddedBroker(tmp_path_factory.mktemp("fragile"))
    own_broker.start()
    yield own_broker
    own_broker.stop()


@pytest.fixture(params=["memory", "kafka"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield MemorySubject()
        return
    broker: EmbeddedBroker = request.getfixturevalue("fragile_broker")
    async with kafka(broker) as opened:
        yield opened


def kafka(broker: EmbeddedBroker, **options: int) -> AbstractAsyncContextManager[KafkaSubject]:
    return kafka_subject(broker, f"laws-{uuid.uuid4().hex}", **options)


@pytest.fixture
async def on_kafka(fragile_broker: EmbeddedBroker) -> AsyncIterator[KafkaSubject]:
    async with kafka(fragile_broker) as opened:
        yield opened


async def test_a_position_is_where_the_record_lies(subject: Subject) -> None:
    calls = [[record(100 * call + i) for i in range(size)] for call, size in enumerate((1, 7, 60, 1, 3))]
    answers = await asyncio.gather(*(subject.log.append(call) for call in calls))
    lines = await subject.read_back()
    for call, positions in zip(calls, answers, strict=True):
        assert [lines[p.partition][p.offset] for p in positions] == call
    assert sum(len(line) for line in lines) == 72


async def test_a_record_lies_on_the_partition_of_its_key(subject: Subject) -> None:
    records = [record(i) for i in range(50)]
    positions = await subject.log.append(records)
    assert [p.partition for p in positions] == [partition_of(r.key, PARTITIONS) for r in records]
    assert len({p.partition for p in positions}) == PARTITIONS


async def test_records_of_one_key_keep_their_order(subject: Subject) -> None:
    for start in range(0, 200, 20):
        await asyncio.gather(*(subject.log.append([record(n, key=f"k{n % 3}")]) for n in range(start, start + 20)))
    for line in await subject.read_back():
        for key in {r.id for r in line}:
            numbers = [int(r.record_id) for r in line if r.id == key]
            assert numbers == sorted(numbers)


async def test_nothing_is_appended_by_an_empty_call(subject: Subject) -> None:
    assert await subject.log.append([]) == []
    assert await subject.read_back() == [[], [], [], []]


async def test_the_largest_record_is_stored(subject: Subject) -> None:
    envelope = 200
    largest = record(1, event=b"\x00\xff" * ((MAX_RECORD_BYTES - envelope) // 2))
    (position,) = await subject.log.append([largest])
    lines = await subject.read_back()
    assert lines[position.partition][position.offset] == largest


async def test_an_append_larger_than_a_batch_keeps_its_order_and_its_positions(subject: Subject) -> None:
    call = [record(number, "one-key", bytes(300_000)) for number in range(9)]
    between = [record(100 + number, "one-key") for number in range(3)]
    positions, after = await asyncio.gather(subject.log.append(call), subject.log.append(between))
    lines = await subject.read_back()
    assert [lines[p.partition][p.offset] for p in [*positions, *after]] == [*call, *between]
    assert [p.offset for p in [*positions, *after]] == sorted(p.offset for p in [*positions, *after])


async def test_a_record_too_large_keeps_the_whole_call_off_the_log(subject: Subject) -> None:
    with pytest.raises(TooLarge):
        await subject.log.append([record(1), record(2, event=bytes(MAX_RECORD_BYTES)), record(3)])
    assert await subject.read_back() == [[], [], [], []]


async def test_a_log_that_is_away_is_unavailable_in_time_and_recovers_by_itself(subject: Subject) -> None:
    await subject.log.append([record(0)])
    await subject.away()
    began = time.monotonic()
    try:
        with pytest.raises(Unavailable) as refused:
            await subject.log.append([record(1)])
        assert time.monotonic() - began < ACK_LIMIT_S
        assert int(refused.value.headers["Retry-After"]) >= 1
    finally:
        await subject.back()
    await until_appended(subject.log, record(2), 30)
    ids = [r.record_id for line in await subject.read_back() for r in line]
    assert ids.count("0") == 1
    assert ids.count("2") == 1


async def test_what_waited_when_the_client_was_answered_is_not_sent_later(on_kafka: KafkaSubject) -> None:
    await on_kafka.log.append([record(0, key="k")])
    await on_kafka.away()
    try:
        first = asyncio.create_task(on_kafka.log.append([record(1, key="k")]))
        await until(lambda: any(lane.sent_at is not None for lane in on_kafka.kafka._lanes))
        waiting = [asyncio.create_task(on_kafka.log.append([record(n, key="k")])) for n in range(2, 12)]
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)
    finally:
        await on_kafka.back()
    assert all(isinstance(answer, Unavailable) for answer in answers)
    await until_appended(on_kafka.log, record(99, key="k"), 30)
    ids = [r.record_id for line in await on_kafka.read_back() for r in line]
    assert [n for n in ids if n != "1"] == ["0", "99"]


async def test_the_bound_on_waiting_bytes_refuses_at_once(fragile_broker: EmbeddedBroker) -> None:
    async with kafka(fragile_broker, max_in_flight=100_000) as subject:
        await subject.log.append([record(0)])
        await subject.away()
        try:
            waiting_task = asyncio.create_task(subject.log.append([record(1, event=bytes(90_000))]))
            await until(lambda: subject.kafka._in_flight > 0)
            began = time.monotonic()
            with pytest.raises(Unavailable) as refused:
                await subject.log.append([record(2, event=bytes(20_000))])
            assert time.monotonic() - began < 0.5
            assert refused.value.headers["Retry-After"] == "1"
        finally:
            await subject.back()
        await asyncio.gather(waiting_task, return_exceptions=True)
        assert subject.kafka._in_flight == 0


async def test_a_broker_frozen_longer_than_a_batch_lives_gets_a_new_producer(on_kafka: KafkaSubject) -> None:
    await on_kafka.log.append([record(0)])
    assert ready(on_kafka.kafka)
    await on_kafka.away()
    try:
        with pytest.raises(Unavailable):
            await on_kafka.log.append([record(1)])
        assert not ready(on_kafka.kafka)
        with pytest.raises(Unavailable):
            await on_kafka.log.append([record(2)])
        with pytest.raises(Unavailable):
            await on_kafka.log.append([record(3)])
    finally:
        await on_kafka.back()
    await until_appended(on_kafka.log, record(4), 30)
    assert ready(on_kafka.kafka)
    ids = [r.record_id for line in await on_kafka.read_back() for r in line]
    assert ids.count("0") == 1
    assert ids.count("4") == 1
    assert "2" not in ids or ids.count("2") == 1


async def test_killing_the_broker_loses_and_doubles_nothing_that_was_acknowledged(fragile_broker: EmbeddedBroker) -> None:
    async with kafka(fragile_broker) as subject:
        acknowledged: list[tuple[str, Position]] = []
        unknown: set[str] = set()
        stop = asyncio.Event()

        async def write(worker: int) -> None:
            number = worker
            while not stop.is_set():
                number += 1_000
                try:
                    positions = await subject.log.append([record(number)])
                except Unavailable:
                    unknown.add(str(number))
                else:
                    acknowledged.append((str(number), positions[0]))

        async def more_acknowledged() -> None:
            goal = len(acknowledged) + 2_000
            await until(lambda: len(acknowledged) >= goal)

        writers = [asyncio.create_task(write(worker)) for worker in range(16)]
        for _ in range(2):
            await more_acknowledged()
            await asyncio.to_thread(fragile_broker.kill)
            await asyncio.to_thread(fragile_broker.start)
        await more_acknowledged()
        stop.set()
        await asyncio.gather(*writers)

        lines = await subject.read_back()
        ids = [r.record_id for line in lines for r in line]
        counts = {number: ids.count(number) for number in unknown}
        assert all(lines[p.partition][p.offset].record_id == number for number, p in acknowledged)
        assert len(ids) == len(acknowledged) + sum(counts.values())
        assert max(counts.values(), default=0) <= 1


async def test_a_log_opened_while_the_broker_is_away_answers_in_time_and_works_when_it_comes(fragile_broker: EmbeddedBroker) -> None:
    async with kafka(fragile_broker) as existing:
        await asyncio.to_thread(fragile_broker.kill)
        log = KafkaEventLog(fragile_broker.bootstrap, PARTITIONS, topic=existing.topic)
        await log.start()
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await log.append([record(1)])
        assert time.monotonic() - began < ACK_LIMIT_S
        assert not ready(log)
        await asyncio.to_thread(fragile_broker.start)
        await until_appended(log, record(2), 30)
        assert ready(log)
        await log.stop()
        assert [r.record_id for line in await existing.read_back() for r in line] == ["2"]


async def test_a_producer_whose_sequence_is_used_up_is_replaced_without_a_failure(fragile_broker: EmbeddedBroker) -> None:
    async with kafka(fragile_broker, max_sequence=50) as subject:
        answers = await asyncio.gather(*(subject.log.append([record(n)]) for n in range(400)))
        assert subject.kafka._source is not None
        first = await subject.kafka._source.get()
        answers += await asyncio.gather(*(subject.log.append([record(n)]) for n in range(400, 800)))
        assert await subject.kafka._source.get() is not first
        lines = await subject.read_back()
        assert sorted(int(r.record_id) for line in lines for r in line) == list(range(800))
        assert all(lines[p.partition][p.offset].record_id == str(n) for n, (p,) in enumerate(answers))


async def test_a_stopped_log_has_sent_what_it_accepted_and_takes_no_more(fragile_broker: EmbeddedBroker) -> None:
    async with kafka(fragile_broker) as subject:
        under_way = [asyncio.create_task(subject.log.append([record(n) for n in range(100 * c, 100 * c + 100)])) for c in range(20)]
        await patience.turn()
        await subject.kafka.stop()
        await asyncio.gather(*under_way)
        with pytest.raises(Unavailable):
            await subject.log.append([record(1)])
        assert sum(len(line) for line in await subject.read_back()) == 2_000


async def test_a_topic_with_another_number_of_partitions_is_never_written(fragile_broker: EmbeddedBroker) -> None:
    async with kafka(fragile_broker) as subject:
        wrong = KafkaEventLog(fragile_broker.bootstrap, PARTITIONS + 1, topic=subject.topic)
        await wrong.start()
        with pytest.raises(Unavailable):
            await wrong.append([record(1)])
        await wrong.stop()
        assert await subject.read_back() == [[], [], [], []]


async def test_a_broadcast_lies_on_every_partition_whatever_its_key(subject: Subject) -> None:
    await subject.log.append([record(number) for number in range(20)])
    everywhere = record(99, "one-key")
    positions = await subject.log.broadcast(everywhere)
    lines = await subject.read_back()
    assert [position.partition for position in positions] == list(range(PARTITIONS))
    assert [lines[position.partition][position.offset] for position in positions] == [everywhere] * PARTITIONS
    assert sum(len(line) for line in lines) == 20 + PARTITIONS


async def test_broadcasts_keep_their_order_on_every_partition(subject: Subject) -> None:
    for number in range(30):
        await asyncio.gather(subject.log.broadcast(record(number, "one-key")), subject.log.append([record(1_000 + number)]))
    for line in await subject.read_back():
        assert [one.record_id for one in line if one.id == "one-key"] == [str(number) for number in range(30)]


async def test_a_broadcast_too_large_lies_nowhere(subject: Subject) -> None:
    with pytest.raises(TooLarge):
        await subject.log.broadcast(record(1, event=bytes(MAX_RECORD_BYTES)))
    assert await subject.read_back() == [[], [], [], []]


async def test_a_broadcast_without_a_broker_is_unavailable_in_time(subject: Subject) -> None:
    await subject.log.append([record(0)])
    await subject.away()
    began = time.monotonic()
    try:
        with pytest.raises(Unavailable):
            await subject.log.broadcast(record(1))
        assert time.monotonic() - began < ACK_LIMIT_S
    finally:
        await subject.back()
    await until_appended(subject.log, record(2), 30)
