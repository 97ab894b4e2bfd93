"""Rankings published through a real broker by servers that come, go, hang and are displaced: counted from 1, each once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.query_api.adapters.kafka.cause_log import KafkaCauseLog
from causeline.query_api.publishing.serving import Publishing
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem
from causeline.schemas.wire import codec
from tests import patience
from tests.kafka_topics import read_committed
from tests.publishing import PARTITIONS, Fleet, Server

# A writer that is displaced while it connects leaves aiokafka (0.14) a connection that nobody closes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*StreamWriter:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*AIOKafkaConnection:pytest.PytestUnraisableExceptionWarning"),
]


class Wall:
    """A fleet's time, and pauses as they are."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def now_ms(self) -> int:
        return self._fleet.clock.now

    async def sleep(self, seconds: float) -> None:
        await patience.lasting(seconds, "the tasks' own pace")


class Topics:
    """Topics of one test; problems of the fleet are written to them as the processors do."""

    def __init__(self, bootstrap: str, producer: AIOKafkaProducer, prefix: str) -> None:
        self._bootstrap, self._producer, self._prefix = bootstrap, producer, prefix

    def log(self) -> KafkaCauseLog:
        names = {"causes": f"{self._prefix}.causes", "problems": f"{self._prefix}.problems", "group": f"{self._prefix}.group"}
        return KafkaCauseLog(self._bootstrap, **names, session_timeout_ms=2_000)

    async def tell(self, fleet: Fleet, problem: Problem) -> Problem:
        key, place = problem.id.encode(), fleet.partition(problem.id)
        await self._producer.send_and_wait(f"{self._prefix}.problems", codec.encode_record(problem), key, partition=place)
        return problem

    async def revisions(self) -> dict[str, list[CauseRevision]]:
        revisions: dict[str, list[CauseRevision]] = {}
        for partition in range(PARTITIONS):
            for key, value in await read_committed(self._bootstrap, f"{self._prefix}.causes", partition):
                assert value is not None
                revisions.setdefault(key.decode(), []).append(codec.decode_record(value, CauseRevision))
        return revisions


@pytest.fixture
async def topics(broker: EmbeddedBroker) -> AsyncIterator[Topics]:
    prefix = f"t{uuid.uuid4().hex[:12]}"
    admin = AIOKafkaAdminClient(**client_options(broker.bootstrap))
    await admin.start()
    try:
        names = [f"{prefix}.causes", f"{prefix}.problems"]
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs={"cleanup.policy": "compact"}) for name in names])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**client_options(broker.bootstrap))
    await producer.start()
    try:
        yield Topics(broker.bootstrap, producer, prefix)
    finally:
        await producer.stop()


@asynccontextmanager
async def serving(fleet: Fleet, topics: Topics) -> AsyncIterator[Publishing]:
    publishing = Publishing(topics.log(), Server(fleet).publisher, Wall(fleet))
    running = asyncio.create_task(publishing.run())
    yield publishing
    publishing.stop()
    await running


async def test_every_problem_has_its_revisions_once_whoever_comes_and_goes(topics: Topics) -> None:
    fleet = Fleet()
    problems: list[Problem] = []

    async def open_some() -> None:
        problems.extend([await topics.tell(fleet, fleet.open()) for _ in range(8)])

    async def each_has(count: int) -> bool:
        revisions = await topics.revisions()
        return all(len(revisions.get(problem.id, ())) == count for problem in problems)

    await open_some()
    async with serving(fleet, topics):
        await patience.found(lambda: each_has(1), seconds=60)
        async with serving(fleet, topics):
            await open_some()
            await patience.found(lambda: each_has(1), seconds=60)
        await open_some()
        await patience.found(lambda: each_has(1), seconds=60)
    fleet.clock.now += 60_000
    for problem in problems:
        await topics.tell(fleet, fleet.close(problem))
    async with serving(fleet, topics):
        await patience.found(lambda: each_has(2), seconds=60)
    for revisions in (await topics.revisions()).values():
        assert [revision.revision for revision in revisions] == [1, 2]
        assert [revision.occasion for revision in revisions] == ["opened", "closed"]


async def test_who_was_displaced_publishes_nothing_and_takes_over_again_when_the_other_one_is_gone(topics: Topics) -> None:
    fleet = Fleet()
    async with serving(fleet, topics):
        first = await topics.tell(fleet, fleet.open())
        await patience.found(lambda: has(topics, first, 1), seconds=60)
        thief = topics.log()
        for number in range(PARTITIONS):
            await (await thief.open(number)).close()
        second = await topics.tell(fleet, fleet.open())
        fleet.close(first)
        await topics.tell(fleet, fleet.problems[first.id])
        await patience.found(lambda: has(topics, first, 2), seconds=60)
        await patience.found(lambda: has(topics, second, 1), seconds=60)


async def has(topics: Topics, problem: Problem, count: int) -> bool:
    return [revision.revision for revision in (await topics.revisions()).get(problem.id, ())] == list(range(1, count + 1))
