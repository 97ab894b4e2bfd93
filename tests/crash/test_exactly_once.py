"""Nothing is lost and nothing doubled on the real broker, whatever is killed or frozen; and the check would see it if it were."""

import asyncio
import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.schemas.kafka_address import client_options
from tests import patience
from tests.counter_logic import counted
from tests.crash.workers import Workers
from tests.kafka_topics import Topics, committed_offsets, make_topics, read_committed, reader, until

_PARTITIONS = 4
_KEYS = 50


class Schedule(NamedTuple):
    """The faults of one run; the seed draws their order, their victims and their moments."""

    seed: int
    kills: int
    stops: int


async def _load(bootstrap: str, topics: Topics, schedule: random.Random, done: asyncio.Event) -> int:
    """Append records at some hundred a second until told to stop; return how many."""
    producer = AIOKafkaProducer(**client_options(bootstrap), linger_ms=5)
    await producer.start()
    sent = 0
    try:
        while not done.is_set():
            keys = [schedule.randrange(_KEYS) for _ in range(40)]
            await asyncio.gather(*[producer.send_and_wait(topics.input, b"", b"k%d" % key, partition=key % _PARTITIONS) for key in keys])
            sent += len(keys)
            await patience.lasting(0.03, "the pace of the load")
    finally:
        await producer.stop()
    return sent


async def _ends(bootstrap: str, topic: str) -> list[int]:
    async with reader(bootstrap) as consumer:
        tps = [TopicPartition(topic, partition) for partition in range(_PARTITIONS)]
        ends = await consumer.end_offsets(tps)
        return [ends[tp] for tp in tps]


async def _run(broker: EmbeddedBroker, log: Path, app: Callable[[int], str], schedule: Schedule) -> tuple[int, list[int]]:
    """Work under faults until all is worked on; return the records sent and, per partition, how many outputs are wrong."""
    topics = await make_topics(broker.bootstrap, _PARTITIONS)
    async with Workers(broker.bootstrap, topics, log, count=2, app=app) as workers:
        done = asyncio.Event()
        load = asyncio.create_task(_load(broker.bootstrap, topics, random.Random(schedule.seed), done))
        await workers.faults(random.Random(schedule.seed), schedule.kills, schedule.stops)
        done.set()
        sent = await load
        ends = await _ends(broker.bootstrap, topics.input)

        async def all_is_committed() -> bool:
            return all(at >= end for at, end in zip(await committed_offsets(broker.bootstrap, topics, _PARTITIONS), ends, strict=True))

        await until(all_is_committed, 45)
        await workers.stop()
    async with asyncio.timeout(30):
        committed = await committed_offsets(broker.bootstrap, topics, _PARTITIONS)
        return sent, [await _wrong(broker.bootstrap, topics, partition, committed[partition]) for partition in range(_PARTITIONS)]


async def _wrong(bootstrap: str, topics: Topics, partition: int, committed: int) -> int:
    inputs = await read_committed(bootstrap, topics.input, partition)
    expected = counted(key for key, _ in inputs[:committed])
    found = await read_committed(bootstrap, topics.out, partition)
    while len(found) < len(expected):  # The last markers may still be on their way.
        found = await read_committed(bootstrap, topics.out, partition)
    return abs(len(found) - len(expected)) + sum(a != b for a, b in zip(found, expected, strict=False))


async def test_counters_are_gapless_under_kill_and_freeze(broker: EmbeddedBroker, tmp_path: Path) -> None:
    sent, wrong = await _run(broker, tmp_path / "workers.log", lambda _: f"app-{tmp_path.name}", Schedule(11, kills=5, stops=3))
    assert wrong == [0] * _PARTITIONS
    assert sent > 3_000


async def test_a_transactional_id_of_its_own_per_process_is_caught(broker: EmbeddedBroker, tmp_path: Path) -> None:
    for seed in range(5):
        _, wrong = await _run(broker, tmp_path / "workers.log", lambda _: uuid.uuid4().hex, Schedule(seed, kills=2, stops=2))
        if any(wrong):
            return
    pytest.fail("five runs without fencing and nothing went wrong: the check sees nothing")
