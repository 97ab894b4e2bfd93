"""The laws of a CauseLog, on the memory twin and on a real broker: one writer a partition, all or nothing, read from the begin."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from causeline.query_api.adapters.kafka.cause_log import KafkaCauseLog
from causeline.query_api.adapters.memory.cause_log import MemoryCauseLog, MemoryCauseTopics
from causeline.query_api.publishing.ports import CauseLog, CauseOutput, CausePartition, Displaced, FollowedRecord, LogFailure
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CAUSES, PROBLEMS_CURRENT
from tests import patience
from tests.kafka_topics import read_committed

PARTITIONS = 2
Pairs = list[tuple[bytes, bytes | None]]


class MemorySubject:
    def __init__(self) -> None:
        self._topics = MemoryCauseTopics(PARTITIONS, wait_s=0.01)

    def member(self) -> CauseLog:
        return MemoryCauseLog(self._topics)

    async def problem(self, partition: int, key: bytes, value: bytes | None) -> None:
        self._topics.append(PROBLEMS_CURRENT, partition, key, value)

    async def rankings(self, partition: int) -> Pairs:
        return [(record.key, record.value) for record in self._topics.logs[CAUSES, partition]]


class KafkaSubject:
    def __init__(self, bootstrap: str, prefix: str, producer: AIOKafkaProducer) -> None:
        self._bootstrap, self._prefix, self._producer = bootstrap, prefix, producer

    def member(self) -> CauseLog:
        names = {"causes": f"{self._prefix}.causes", "problems": f"{self._prefix}.problems", "group": f"{self._prefix}.group"}
        return KafkaCauseLog(self._bootstrap, **names, session_timeout_ms=2_000)

    async def problem(self, partition: int, key: bytes, value: bytes | None) -> None:
        await self._producer.send_and_wait(f"{self._prefix}.problems", value, key, partition=partition)

    async def rankings(self, partition: int) -> Pairs:
        return await read_committed(self._bootstrap, f"{self._prefix}.causes", partition)


Subject = MemorySubject | KafkaSubject


@pytest.fixture(params=["memory", "kafka"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield MemorySubject()
        return
    bootstrap = request.getfixturevalue("broker").bootstrap
    prefix = f"t{uuid.uuid4().hex[:12]}"
    admin = AIOKafkaAdminClient(**client_options(bootstrap))
    await admin.start()
    try:
        names = [f"{prefix}.causes", f"{prefix}.problems"]
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"}) for name in names])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**client_options(bootstrap))
    await producer.start()
    try:
        yield KafkaSubject(bootstrap, prefix, producer)
    finally:
        await producer.stop()


def ranking(key: bytes, value: bytes | None, partition: int = 0) -> CauseOutput:
    return CauseOutput(CAUSES, partition, key, value)


@asynccontextmanager
async def opened(log: CauseLog, number: int = 0) -> AsyncIterator[CausePartition]:
    partition = await log.open(number)
    try:
        yield partition
    finally:
        await partition.close()


async def restored(partition: CausePartition) -> list[FollowedRecord]:
    records: list[FollowedRecord] = []
    async with asyncio.timeout(patience.SECONDS):
        while not partition.is_restored:
            records += await partition.read()
    return records


async def test_a_partition_is_read_from_the_begin_of_both_topics_and_then_the_problems_go_on(subject: Subject) -> None:
    log = subject.member()
    await subject.problem(0, b"p", b"1")
    await subject.problem(1, b"other", b"1")
    async with opened(log) as first:
        await restored(first)
        await first.commit([ranking(b"p", b"r1"), ranking(b"q", b"r1")])
        await first.commit([ranking(b"q", None)])
    await subject.problem(0, b"p", None)
    async with opened(log) as again:
        records = await restored(again)
        assert [(r.key, r.value) for r in records if r.topic == CAUSES] == [(b"p", b"r1"), (b"q", b"r1"), (b"q", None)]
        assert [(r.key, r.value) for r in records if r.topic == PROBLEMS_CURRENT] == [(b"p", b"1"), (b"p", None)]
        await again.commit([ranking(b"p", b"r2")])
        await subject.problem(0, b"n", b"1")
        later = await patience.found(again.read)
        assert later == [FollowedRecord(PROBLEMS_CURRENT, b"n", b"1")]


async def test_an_empty_partition_is_restored_at_once(subject: Subject) -> None:
    async with opened(subject.member()) as partition:
        assert await restored(partition) == []


async def test_who_opens_a_partition_displaces_who_had_it(subject: Subject) -> None:
    async with opened(subject.member()) as zombie, opened(subject.member()) as owner:
        await restored(zombie)
        await restored(owner)
        with pytest.raises(Displaced):
            await zombie.commit([ranking(b"p", b"zombie")])
        await owner.commit([ranking(b"p", b"owner")])
        with pytest.raises(LogFailure):
            await zombie.read()
        with pytest.raises(LogFailure):
            await zombie.commit([ranking(b"p", b"again")])
    assert await patience.found(lambda: subject.rankings(0)) == [(b"p", b"owner")]


async def test_a_transaction_writes_to_other_partitions_too(subject: Subject) -> None:
    async with opened(subject.member()) as partition:
        await restored(partition)
        await partition.commit([ranking(b"p", b"r1"), ranking(b"told", b"r1", partition=1)])
    assert await patience.found(lambda: subject.rankings(1)) == [(b"told", b"r1")]


async def test_a_closed_partition_takes_nothing(subject: Subject) -> None:
    partition = await subject.member().open(0)
    await partition.close()
    with pytest.raises(LogFailure):
        await partition.commit([ranking(b"p", b"late")])
    await partition.close()
    assert await subject.rankings(0) == []


class Member:
    def __init__(self) -> None:
        self.partitions: set[int] = set()

    def assigned(self, partitions: Sequence[int]) -> None:
        self.partitions = set(partitions)

    async def revoked(self) -> None:
        self.partitions = set()


@asynccontextmanager
async def serving(log: CauseLog) -> AsyncIterator[Member]:
    member = Member()
    task = asyncio.create_task(log.serve(member))
    try:
        yield member
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert member.partitions == set()


async def test_members_share_the_partitions_and_one_that_leaves_gives_its_own_to_the_others(subject: Subject) -> None:
    async with serving(subject.member()) as first:
        await patience.holds(lambda: first.partitions == {0, 1})
        async with serving(subject.member()) as second:
            await patience.holds(lambda: len(first.partitions) == len(second.partitions) == 1)
            assert first.partitions | second.partitions == {0, 1}
        await patience.holds(lambda: first.partitions == {0, 1})
