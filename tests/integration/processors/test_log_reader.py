"""The log reader on the real broker: transaction markers, aborted records, retention, and steps."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.kafka.log_reader import KafkaLogReader, Sources
from causeline.processors.adapters.kafka.progress import KafkaProgress
from causeline.processors.workers.log_reading import OVERLAP_MS
from causeline.schemas import telemetry
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.delivery_work import MAX_FOUND, Backfill, Backfilled, Notification, Refill, Refilled, encode_delivery_work
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.wire import codec
from tests.delivery_state import T0, event
from tests.kafka_topics import Topics, delete_before, end_of, make_topics, until
from tests.unit.processors.workers.samples import problem

PARTITIONS = 2


class Log:
    """The topics of a test: deliveries, events, problems; the input of the processors, and their group. Each write is a transaction."""

    def __init__(self, bootstrap: str, topics: Topics, ingest: Topics) -> None:
        self.bootstrap = bootstrap
        self.ingest = ingest
        self.sources = Sources(deliveries=topics.input, events=topics.out, problems=topics.changelog)
        self._producer = AIOKafkaProducer(**client_options(bootstrap), transactional_id=topics.group, max_request_size=8 << 20)
        progress = KafkaProgress(bootstrap, PARTITIONS, topic=ingest.input, group=ingest.group)
        self.reader = KafkaLogReader(bootstrap, PARTITIONS, lambda: T0 + 999, progress, self.sources)

    async def start(self) -> None:
        await self._producer.start()

    async def write(self, topic: str, *values: bytes, partition: int = 0, at: int = T0, abort: bool = False) -> None:
        await self._producer.begin_transaction()
        for value in values:
            await self._producer.send(topic, value, partition=partition, timestamp_ms=at)
        await (self._producer.abort_transaction() if abort else self._producer.commit_transaction())
        # The broker answers before the transaction's marker is on the log: until then its records are not to be read.
        await until(partial(self._is_settled, TopicPartition(topic, partition)))

    async def _is_settled(self, tp: TopicPartition) -> bool:
        ends = [await end_of(self.bootstrap, tp, level) for level in ("read_committed", "read_uncommitted")]
        return ends[0] == ends[1]

    async def processed(self, partition: int, offset: int) -> None:
        """Commit for the processors' group."""
        consumer = AIOKafkaConsumer(**client_options(self.bootstrap), group_id=self.ingest.group, enable_auto_commit=False)
        await consumer.start()
        tp = TopicPartition(self.ingest.input, partition)
        consumer.assign([tp])
        await consumer.commit({tp: offset})
        await consumer.stop()

    async def close(self) -> None:
        await self.reader.close()
        await self._producer.stop()

    async def refilled(self, since: int) -> Refilled:
        async with asyncio.timeout(30):
            return await self.reader.refill(Refill(subscription="sub", partition=0, since=since, at=T0))

    async def backfilled(self, rule: Rule) -> list[Backfilled]:
        """All steps."""
        steps: list[Backfilled] = []
        async with asyncio.timeout(60):
            while not steps or not steps[-1].done:
                since = steps[-1].cursor if steps else ""
                steps.append(await self.reader.backfill(Backfill(rule=rule, since=since, at=T0)))
        return steps


@pytest.fixture
async def log(broker: EmbeddedBroker) -> AsyncIterator[Log]:
    own_log = Log(broker.bootstrap, await make_topics(broker.bootstrap, PARTITIONS), await make_topics(broker.bootstrap, PARTITIONS))
    await own_log.start()
    yield own_log
    await own_log.close()


def note(number: int, *subscriptions: str, size: int = 1) -> bytes:
    notification = Notification(
        subscriptions=subscriptions, what="event", entity=f"e{number}", version=1, record=b"x" * size, received=T0, at=T0
    )
    return encode_delivery_work(notification)


def entities(notifications: tuple[Notification, ...]) -> list[str]:
    return [each.entity for each in notifications]


async def test_a_refill_finds_what_one_subscription_was_to_be_told_up_to_the_end_of_the_log(log: Log) -> None:
    topic = log.sources.deliveries
    await log.write(topic, note(0, "sub"), note(1, "other"), b"\xc1")
    await log.write(topic, note(2, "sub"), abort=True)
    await log.write(topic, note(3, "other", "sub"))
    await log.write(topic, note(4, "sub"), partition=1)
    refill = await log.refilled(0)
    assert (refill.since, entities(refill.found)) == (0, ["e0", "e3"])
    assert refill.until == 8  # three records, one that was aborted, one more, and a marker behind each transaction
    assert all(each.subscriptions == ("sub",) for each in refill.found)
    again = await log.refilled(refill.until)
    assert (again.until, again.found) == (8, ())


async def test_a_refill_goes_on_where_the_step_before_ended(log: Log) -> None:
    topic = log.sources.deliveries
    await log.write(topic, *(note(n, "sub" if n % 2 else "other") for n in range(1_000)))
    first = await log.refilled(0)
    assert len(first.found) == MAX_FOUND
    names = list(entities(first.found))
    until = first.until
    while until < 1_001:
        step = await log.refilled(until)
        assert step.until > until
        names += entities(step.found)
        until = step.until
    assert names == [f"e{n}" for n in range(1, 1_000, 2)]


async def test_a_step_with_large_records_ends_by_their_size(log: Log) -> None:
    await log.write(log.sources.deliveries, *(note(n, "sub", size=900_000) for n in range(5)))
    first = await log.refilled(0)
    assert (entities(first.found), first.until) == (["e0", "e1"], 2)  # a third one would not fit into 2 MiB
    assert entities((await log.refilled(2)).found) == ["e2", "e3"]


async def test_what_retention_took_is_said_and_skipped(log: Log) -> None:
    topic = log.sources.deliveries
    await log.write(topic, *(note(n, "sub") for n in range(5)))
    await delete_before(log.bootstrap, topic, 0, 3)
    losses = telemetry.NOTIFICATIONS_LOST.labels("retention")
    before = losses._value.get()
    refill = await log.refilled(0)
    assert (refill.since, entities(refill.found)) == (0, ["e3", "e4"])
    assert losses._value.get() == before + 1


async def test_a_backfill_finds_what_was_written_between_its_start_and_its_subscription(log: Log) -> None:
    async def write(number: int, at: int, partition: int = 0, service: str = "shop") -> None:
        about = codec.encode_record(event(number, service=service, updated_ts=at, ingest_ts=at))
        await log.write(log.sources.events, about, partition=partition, at=at)

    await write(0, T0 - 1_000)
    await write(1, T0 + 1_000)
    await write(2, T0 + 2_000, service="other")
    await write(3, T0 + 3_000, partition=1)
    await write(4, T0 + 10_000 + OVERLAP_MS)
    await write(5, T0 + 100_000)
    await log.write(log.sources.problems, codec.encode_record(problem("opened", service="shop", at=T0 + 5_000)), at=T0 + 5_000)
    rule_fields = {"id": "sub", "tenant": "t", "revision": 1, "created_at": T0 + 10_000, "start_from": T0}
    rule = Rule(where=Filter(services=("shop",)), **rule_fields)  # type: ignore[arg-type]
    steps = await log.backfilled(rule)
    assert sorted(entities(tuple(each for step in steps for each in step.found))) == ["event-1", "event-3", "problem/1"]
    assert [step.since for step in steps] == ["", *(step.cursor for step in steps[:-1])]
    only_problems = Rule(where=Filter(followed=("problems",)), **rule_fields)  # type: ignore[arg-type]
    assert entities(tuple(each for step in await log.backfilled(only_problems) for each in step.found)) == ["problem/1"]


async def test_a_backfill_takes_several_steps_and_is_the_same_when_repeated(log: Log) -> None:
    many = [codec.encode_record(event(n)) for n in range(1_100)]
    await log.write(log.sources.events, *many[:250])
    await log.write(log.sources.events, *many[250:])
    rule = Rule(id="sub", tenant="t", revision=1, created_at=T0 + 10_000, start_from=T0 - 1)
    steps = await log.backfilled(rule)
    assert len(steps) >= 3
    assert [each.entity for step in steps for each in step.found] == [f"event-{n}" for n in range(1_100)]
    again = await log.reader.backfill(Backfill(rule=rule, since=steps[1].since, at=T0))
    assert again == steps[1]


async def test_an_empty_log_has_no_past(log: Log) -> None:
    steps = await log.backfilled(Rule(id="sub", tenant="t", revision=1, created_at=T0, start_from=0))
    assert [(step.found, step.done) for step in steps] == [((), True)]


async def test_the_past_ends_only_when_the_processors_have_passed_what_was_on_the_log(log: Log) -> None:
    rule = Rule(id="sub", tenant="t", revision=1, created_at=T0 + 10, start_from=T0)
    await log.write(log.sources.events, codec.encode_record(event(1)))
    await log.write(log.ingest.input, b"not processed yet", partition=1)
    first = await log.reader.backfill(Backfill(rule=rule, since="", at=T0))
    assert (len(first.found), first.done) == (1, False)
    still = await log.reader.backfill(Backfill(rule=rule, since=first.cursor, at=T0))
    assert (still.found, still.cursor, still.done) == ((), first.cursor, False)
    await log.write(log.sources.events, codec.encode_record(event(2)), partition=1)  # published late, and from before the subscription
    await log.processed(1, 2)  # the record, and the marker behind it
    last = await log.reader.backfill(Backfill(rule=rule, since=first.cursor, at=T0))
    assert (len(last.found), last.done) == (1, True)


async def test_causes_have_no_past_to_tell(log: Log) -> None:
    await log.write(log.sources.problems, codec.encode_record(problem("opened")))
    rule = Rule(id="sub", tenant="t", revision=1, created_at=T0 + 10, start_from=T0 - 10, where=Filter(followed=("causes",)))
    (step,) = await log.backfilled(rule)
    assert (step.since, step.found, step.done) == ("", (), True)
    both = await log.backfilled(msgspec.structs.replace(rule, where=Filter(followed=("problems", "causes"))))
    assert [(each.what, each.entity) for step in both for each in step.found] == [("problem", "problem/1")]
