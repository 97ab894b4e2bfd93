"""The runtime on the real broker, undisturbed: ticks, a clean stop, and what aiokafka alone gets wrong."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer.transaction_manager import TransactionManager

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.kafka.broker import KafkaBroker, transactional_ids
from causeline.processors.adapters.kafka.transactions import KafkaTransactions, next_sequence, stop_producer, wrap_sequence_numbers
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.poison import TICK_KEY
from causeline.processors.runtime.ports import BrokerError, Output
from causeline.processors.runtime.runner import Runner
from causeline.schemas.kafka_address import client_options
from tests.counter_logic import CounterLogic
from tests.kafka_topics import Topics, committed_offsets, delete_before, make_topics, read_committed, settled, until

_LAST = 2**31 - 1


def _member(bootstrap: str, topics: Topics) -> KafkaBroker:
    return KafkaBroker(
        bootstrap,
        transactional_id=transactional_ids(topics.group),
        input_topic=topics.input,
        changelog_topic=topics.changelog,
        group=topics.group,
        session_timeout_ms=2_000,
    )


async def test_an_idle_partition_gets_ticks_which_are_committed_without_outputs(broker: EmbeddedBroker) -> None:
    topics = await make_topics(broker.bootstrap, 1)
    runner = Runner(_member(broker.bootstrap, topics), lambda _: CounterLogic(topics.out), SystemClock(), Pace(tick_s=0.2))
    running = asyncio.create_task(runner.run())

    async def three_are_committed() -> bool:
        return running.done() or await committed_offsets(broker.bootstrap, topics, 1) >= [3]

    await until(three_are_committed)
    assert runner.lag_seconds() < 5
    runner.stop()
    await running
    assert {key for key, _ in await read_committed(broker.bootstrap, topics.input, 0)} == {TICK_KEY}
    assert await read_committed(broker.bootstrap, topics.out, 0) == []


async def test_a_changelog_that_was_emptied_is_written_anew_and_counting_goes_on(broker: EmbeddedBroker) -> None:
    topics = await make_topics(broker.bootstrap, 1)
    await _count(broker.bootstrap, topics, b"a", b"b", b"a")
    await delete_before(broker.bootstrap, topics.changelog, 0, -1)  # Up to its end.
    await _count(broker.bootstrap, topics, b"a", b"b")
    expected: list[tuple[bytes, bytes | None]] = [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"a", b"3"), (b"b", b"2")]
    await settled(broker.bootstrap, topics.out, 0)
    assert await read_committed(broker.bootstrap, topics.out, 0) == expected
    await settled(broker.bootstrap, topics.changelog, 0)
    state = dict(await read_committed(broker.bootstrap, topics.changelog, 0))
    assert {key: state[key] for key in (b"a", b"b")} == {b"a": b"3", b"b": b"2"}


async def _count(bootstrap: str, topics: Topics, *keys: bytes) -> None:
    """Produce records with these keys, and run until all of the topic is committed."""
    producer = AIOKafkaProducer(**client_options(bootstrap))
    await producer.start()
    for key in keys:
        last = await producer.send_and_wait(topics.input, b"", key, partition=0)
    await producer.stop()
    runner = Runner(_member(bootstrap, topics), lambda _: CounterLogic(topics.out), SystemClock(), Pace(tick_s=60))
    running = asyncio.create_task(runner.run())

    async def all_is_committed() -> bool:
        return running.done() or await committed_offsets(bootstrap, topics, 1) >= [last.offset + 1]

    await until(all_is_committed)
    runner.stop()
    await running


@pytest.mark.parametrize(
    ("sequence", "records", "expected"),
    [(0, 1, 1), (_LAST - 1, 1, _LAST), (_LAST, 1, 0), (_LAST - 4, 10, 5), (_LAST, _LAST, _LAST - 1)],
)
def test_sequence_numbers_wrap_to_zero(sequence: int, records: int, expected: int) -> None:
    assert next_sequence(sequence, records) == expected


async def test_a_writer_goes_on_after_its_sequence_numbers_wrapped(broker: EmbeddedBroker) -> None:
    topics = await make_topics(broker.bootstrap, 1)
    writer = KafkaTransactions(
        broker.bootstrap,
        topics.group,
        partition=0,
        input_topic=topics.input,
        changelog_topic=topics.changelog,
        group=topics.group,
    )
    await writer.start()
    _start_at(writer._producer, topics.out, _LAST - 4)
    for position in range(1, 5):
        await writer.commit([Output(topics.out, b"k", b"%d" % n) for n in range(10)], {}, position)
    await writer.close()

    async def all_are_visible() -> bool:
        return len(await read_committed(broker.bootstrap, topics.out, 0)) == 40

    await until(all_are_visible)
    records = await read_committed(broker.bootstrap, topics.out, 0)
    assert records == [(b"k", b"%d" % n) for _ in range(4) for n in range(10)]


async def test_the_client_alone_does_not_survive_the_wrap(broker: EmbeddedBroker) -> None:
    """Should this fail after an update of aiokafka, `wrap_sequence_numbers` has become superfluous."""
    topics = await make_topics(broker.bootstrap, 1)
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), enable_idempotence=True)
    await producer.start()
    _start_at(producer, topics.out, _LAST)
    await producer.send_and_wait(topics.out, b"v", b"k", partition=0)
    with pytest.raises(KafkaError):
        await asyncio.wait_for(producer.send_and_wait(topics.out, b"v", b"k", partition=0), 3)
    await stop_producer(producer)


async def test_an_unknown_manager_of_sequence_numbers_is_refused(broker: EmbeddedBroker) -> None:
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), enable_idempotence=True)
    wrap_sequence_numbers(producer)
    with pytest.raises(TypeError):
        wrap_sequence_numbers(producer)
    await producer.stop()


async def test_a_broker_that_does_not_answer_is_an_error_in_bounded_time() -> None:
    writer = KafkaTransactions("127.0.0.1:1", "id", partition=0, input_topic="i", changelog_topic="c", group="g")
    with pytest.raises(BrokerError):
        await writer.start()


def _start_at(producer: AIOKafkaProducer, topic: str, sequence: int) -> None:
    manager = producer._txn_manager
    assert isinstance(manager, TransactionManager)
    manager._sequence_numbers[TopicPartition(topic, 0)] = sequence
