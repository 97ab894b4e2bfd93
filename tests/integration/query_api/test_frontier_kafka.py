"""How far the rows are behind the log, on a real broker of its own: the topics and groups of the frontier are the system's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from causeline.deploy.adapters import topics
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.clock import SystemClock
from causeline.processors.adapters.kafka.broker import KafkaBroker
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.runner import Runner
from causeline.query_api.adapters.kafka import positions
from causeline.query_api.adapters.kafka.positions import KafkaFrontier, Progress
from causeline.schemas.client_calls import ClientCancelled
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import EVENTS, INGEST, PROBLEMS, PROCESSORS_GROUP, SINK_GROUP
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests import patience
from tests.partition_log import create, event, merge, uuid

PARTITIONS = 2


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(tmp_path_factory.mktemp("frontier"))
    broker.start()
    yield broker
    broker.stop()


class Pipeline:
    """Plays ingest, processors and sink by hand, one step at a time."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.wakes = 0
        self.frontier = KafkaFrontier(bootstrap, PARTITIONS, self._wake, timeout_s=3)
        self.producer = AIOKafkaProducer(**client_options(bootstrap))

    def _wake(self) -> None:
        self.wakes += 1

    async def append(self, topic: str, partition: int) -> int:
        metadata = await self.producer.send_and_wait(topic, b"x", partition=partition)
        return int(metadata.offset)

    async def commit(self, group: str, topic: str, partition: int, offset: int) -> None:
        consumer = AIOKafkaConsumer(**client_options(self.bootstrap), group_id=group, enable_auto_commit=False)
        await consumer.start()
        consumer.assign([TopicPartition(topic, partition)])
        await consumer.commit({TopicPartition(topic, partition): offset})
        await consumer.stop()

    async def catch_up(self) -> None:
        """Commit everything that is on the log, as idle processors and an idle sink do."""
        progress = await self.frontier.look()
        for tp, end in progress.ends.items():
            await self.commit(PROCESSORS_GROUP if tp.topic == INGEST else SINK_GROUP, tp.topic, tp.partition, end)

    async def sink_all(self) -> None:
        """Commit all rows that are on the log, as an idle sink does."""
        progress = await self.frontier.look()
        for tp, end in progress.ends.items():
            if tp.topic != INGEST:
                await self.commit(SINK_GROUP, tp.topic, tp.partition, end)

    async def catch_up_once_it_answers(self) -> None:
        async with asyncio.timeout(30):
            while True:
                with suppress(KafkaError, OSError, TimeoutError):
                    return await self.catch_up()


@pytest.fixture
async def pipeline(own_broker: EmbeddedBroker) -> AsyncIterator[Pipeline]:
    await topics.ensure(own_broker.bootstrap, PARTITIONS, 1)
    own_pipeline = Pipeline(own_broker.bootstrap)
    await own_pipeline.producer.start()
    await own_pipeline.commit(PROCESSORS_GROUP, INGEST, 0, 0)  # a group that was never seen has no coordinator yet
    await own_pipeline.catch_up()
    yield own_pipeline
    await own_pipeline.producer.stop()
    await own_pipeline.frontier.stop()


@pytest.fixture
async def patient(own_broker: EmbeddedBroker) -> AsyncIterator[KafkaFrontier]:
    frontier = KafkaFrontier(own_broker.bootstrap, PARTITIONS, lambda: None, timeout_s=patience.SECONDS)
    yield frontier
    await frontier.stop()


async def pending(task: "asyncio.Task[bool]") -> bool:
    """Say whether the task still waits after the frontier had time for several looks."""
    done, _ = await asyncio.wait({task}, timeout=0.3)
    return not done


async def test_nothing_is_waited_for_when_everything_is_applied(pipeline: Pipeline) -> None:
    assert await pipeline.frontier.reach()
    assert pipeline.wakes == 1


async def test_a_position_is_applied_once_processors_and_sink_are_past_it(pipeline: Pipeline) -> None:
    offset = await pipeline.append(INGEST, 1)
    reaching = asyncio.create_task(pipeline.frontier.reach(1, offset))
    assert await pending(reaching)
    row = await pipeline.append(EVENTS, 1)
    await pipeline.commit(PROCESSORS_GROUP, INGEST, 1, offset + 1)
    assert await pending(reaching)
    await pipeline.commit(SINK_GROUP, EVENTS, 1, row + 1)
    assert await reaching


async def test_a_position_does_not_wait_for_other_partitions(pipeline: Pipeline) -> None:
    await pipeline.append(INGEST, 0)
    await pipeline.append(PROBLEMS, 0)
    end = (await pipeline.frontier.look()).ends[TopicPartition(INGEST, 1)]
    assert await pipeline.frontier.reach(1, end - 1)


async def test_without_a_position_the_whole_log_is_waited_for(pipeline: Pipeline) -> None:
    offset = await pipeline.append(INGEST, 0)
    reaching = asyncio.create_task(pipeline.frontier.reach())
    assert await pending(reaching)
    await pipeline.commit(PROCESSORS_GROUP, INGEST, 0, offset + 1)
    assert await reaching


async def all_of_the_log(frontier: KafkaFrontier, _offset: int) -> bool:
    return await frontier.reach()


async def what_went_on(frontier: KafkaFrontier, offset: int) -> bool:
    return not await frontier.missing({0: offset}, patience.SECONDS, with_forwarded=True)


@pytest.mark.parametrize("waits", [all_of_the_log, what_went_on])
async def test_a_record_that_goes_on_twice_is_waited_for_until_its_last_rows_are_there(
    pipeline: Pipeline, patient: KafkaFrontier, waits: Callable[[KafkaFrontier, int], Coroutine[Any, Any, bool]]
) -> None:
    first = await pipeline.append(INGEST, 0)
    reaching = asyncio.create_task(waits(patient, first))
    assert await pending(reaching)
    second = await pipeline.append(INGEST, 1)
    await pipeline.commit(PROCESSORS_GROUP, INGEST, 0, first + 1)
    assert await pending(reaching)
    third = await pipeline.append(INGEST, 0)
    await pipeline.commit(PROCESSORS_GROUP, INGEST, 1, second + 1)
    assert await pending(reaching)
    row = await pipeline.append(PROBLEMS, 0)
    await pipeline.commit(PROCESSORS_GROUP, INGEST, 0, third + 1)
    assert await pending(reaching)
    await pipeline.commit(SINK_GROUP, PROBLEMS, 0, row + 1)
    assert await reaching


async def test_what_does_not_go_on_is_not_waited_for_elsewhere(pipeline: Pipeline, patient: KafkaFrontier) -> None:
    offset = await pipeline.append(INGEST, 0)
    await pipeline.append(INGEST, 1)
    await pipeline.commit(PROCESSORS_GROUP, INGEST, 0, offset + 1)
    assert not await patient.missing({0: offset}, patience.SECONDS)


async def test_a_keyed_signal_that_went_on_is_passed_without_waiting_for_a_tick(pipeline: Pipeline, patient: KafkaFrontier) -> None:
    """The marker of the transaction that carried it is the end of the log that is waited for; ticks are an hour apart here."""
    incident = event(1, dialect="native", kind="incident", status="open")
    key, correlation = (next(uuid(n) for n in range(100) if partition_of(uuid(n).encode(), PARTITIONS) == p) for p in range(PARTITIONS))
    record = create(incident, incident.ingest_ts, dedup_key=key, fingerprint=1, signal="open", correlation_id=correlation)
    broker = KafkaBroker(pipeline.bootstrap, session_timeout_ms=2_000)
    runner = Runner(broker, lambda p: ProcessorLogic(p, merge, partitions=PARTITIONS), SystemClock(), Pace(tick_s=3_600))
    before = await patient.look()
    running = asyncio.create_task(runner.run())
    await pipeline.producer.send_and_wait(INGEST, codec.encode_record(record), key=record.key, partition=0)
    reaching = asyncio.create_task(patient.reach())

    def went_on_and_was_processed(progress: Progress) -> bool:
        other = TopicPartition(INGEST, 1)
        return progress.ends[other] > before.ends[other] and progress.has_processed(
            {tp: end for tp, end in progress.ends.items() if tp.topic == INGEST}
        )

    await patience.found(patient.look, went_on_and_was_processed)
    await pipeline.sink_all()
    assert await reaching
    runner.stop()
    await running


async def test_records_of_an_open_transaction_are_waited_for(pipeline: Pipeline) -> None:
    """Offsets of a transaction can be visible before its marker: what it wrote must count from the moment it is on the log."""
    writer = AIOKafkaProducer(**client_options(pipeline.bootstrap), transactional_id="open")
    await writer.start()
    await writer.begin_transaction()
    await writer.send_and_wait(EVENTS, b"x", partition=0)
    reaching = asyncio.create_task(pipeline.frontier.reach())
    assert await pending(reaching)
    await writer.commit_transaction()
    await writer.stop()
    await pipeline.catch_up()
    assert await reaching


async def test_what_does_not_come_in_time_is_said(pipeline: Pipeline) -> None:
    await pipeline.append(INGEST, 0)
    assert not await pipeline.frontier.reach()


async def test_looks_that_come_together_share_one_but_never_one_that_has_begun(pipeline: Pipeline) -> None:
    first = asyncio.create_task(pipeline.frontier.look())
    await patience.turn()
    offset = await pipeline.append(INGEST, 0)
    later = await asyncio.gather(*(pipeline.frontier.look() for _ in range(20)))
    assert all(progress.ends[TopicPartition(INGEST, 0)] >= offset + 1 for progress in later)
    assert len({id(progress) for progress in later}) == 1
    await first


async def test_a_broker_that_is_away_is_not_a_position_that_is_reached(pipeline: Pipeline, own_broker: EmbeddedBroker) -> None:
    own_broker.kill()
    try:
        assert not await pipeline.frontier.reach()
    finally:
        own_broker.restart()
    await pipeline.catch_up_once_it_answers()
    assert await pipeline.frontier.reach()


class StuckClient:
    """Answers nothing, and goes on where it is cancelled."""

    async def list_consumer_group_offsets(self, _: str) -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
                return

    async def close(self) -> None:
        raise asyncio.CancelledError

    async def stop(self) -> None:
        raise asyncio.CancelledError


class GivingUpClient(StuckClient):
    async def list_consumer_group_offsets(self, _: str) -> None:
        raise asyncio.CancelledError


@pytest.mark.parametrize(("kind", "failure"), [(StuckClient, TimeoutError), (GivingUpClient, ClientCancelled)])
async def test_a_client_that_hangs_or_gives_up_costs_one_look(
    pipeline: Pipeline, kind: type[StuckClient], failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "_LOOK_S", 0.2)
    await pipeline.frontier.stop()
    pipeline.frontier._clients = (kind(), kind())  # type: ignore[assignment]
    with pytest.raises(failure):
        await pipeline.frontier.look()
    monkeypatch.setattr(positions, "_LOOK_S", patience.SECONDS)
    assert (await pipeline.frontier.look()).ends
