"""Deliveries of one worker process to a receiver that answers at once, beside bare posts of httpx to the same receiver."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import httpx
import psutil
import uvloop
from aiokafka import AIOKafkaProducer, TopicPartition

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.processors.workers.payload import json_body, payload
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.delivery_work import Attempt, AttemptOutcome, decode_message, decode_work, encode_delivery_work
from causeline.schemas.topics import DELIVERIES, DELIVERIES_DUE
from tests import patience
from tests.bench.parts import PARTITIONS
from tests.delivery_state import KEY, State, attempt, event, webhook
from tests.kafka_topics import reader
from tests.ports import free_port

SUBSCRIPTIONS = 64
BARE = 8
"""Connections of the bare client: with more of them httpx itself gets slower (its pool walks over all of them)."""
PACED = 100
PACE_S = 0.05


class Deliveries(NamedTuple):
    """Deliveries a second of one worker, CPU seconds of its process for each, and due → reported of single ones: median and p99, ms."""

    rate: float
    cpu_s: float
    median_ms: float
    p99_ms: float


@contextmanager
def receiver() -> Iterator[str]:
    """Return the URL of a receiver in a process of its own."""
    child = subprocess.Popen([sys.executable, "-m", "tests.bench.instant_receiver"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}/"
    finally:
        child.kill()
        child.wait()


def bare_posts(url: str, seconds: float, connections: int = BARE) -> float:
    """Return posts a second of one httpx client with so many under way."""
    body = json_body(payload(event(1), webhook("bench", url).rule, 0))

    async def measure() -> float:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        done = 0
        async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
            until = time.perf_counter() + seconds

            async def post() -> None:
                nonlocal done
                while time.perf_counter() < until:
                    (await client.post(url, content=body)).raise_for_status()
                    done += 1

            await asyncio.gather(*(post() for _ in range(connections)))
        return done / seconds

    return uvloop.run(measure())


def deliveries(bootstrap: str, url: str, count: int) -> Deliveries:
    """Hand out so many attempts at once and wait for their reports, then single ones one after the other."""
    return asyncio.run(_deliveries(bootstrap, url, count))


async def _deliveries(bootstrap: str, url: str, count: int) -> Deliveries:
    await topics.ensure(bootstrap, PARTITIONS, 1)
    state = State(bootstrap, PARTITIONS)
    names = [f"bench-{n}" for n in range(SUBSCRIPTIONS)]
    await state.know(*(webhook(name, url) for name in names))
    producer = AIOKafkaProducer(**client_options(bootstrap), transactional_id="bench-state")
    await producer.start()

    async def hand_out(work: list[Attempt]) -> None:
        async with producer.transaction():
            for each in work:
                await producer.send(DELIVERIES_DUE, encode_delivery_work(each), partition=state.partition(each.subscription))

    with causeline("deliver", bootstrap) as process:
        await hand_out([attempt(name, 0) for name in names])
        await _reported(bootstrap, len(names))
        used, began = _cpu(process), time.perf_counter()
        await hand_out([attempt(names[n % SUBSCRIPTIONS], n) for n in range(count)])
        await _reported(bootstrap, len(names) + count)
        rate, cpu_s = count / (time.perf_counter() - began), (_cpu(process) - used) / count
        for n in range(PACED):
            await hand_out([attempt(names[n % SUBSCRIPTIONS], n, at=now_ms())])
            await patience.lasting(PACE_S, "the pace of the load")
        await _reported(bootstrap, len(names) + count + PACED)
        await producer.stop()
    waits = sorted(quantiles(await _waits(bootstrap), n=100))
    return Deliveries(rate, cpu_s, waits[49], waits[98])


@contextmanager
def causeline(command: str, bootstrap: str, **settings: str) -> Iterator[psutil.Process]:
    """Run a command of the product on the topics of a benchmark until the block ends, or the process does."""
    env = {
        "CAUSELINE_KAFKA": bootstrap,
        "CAUSELINE_PARTITIONS": str(PARTITIONS),
        "CAUSELINE_SECRETS_KEY": KEY,
        "CAUSELINE_DELIVERY_ALLOW": "127.0.0.1",
        "CAUSELINE_DELIVERIES_METRICS_PORT": str(free_port()),
        "CAUSELINE_PROCESSORS_METRICS_PORT": str(free_port()),
        **settings,
    }
    child = subprocess.Popen([str(Path(sys.executable).with_name("causeline")), command], env={**os.environ, **env})
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


async def _reported(bootstrap: str, count: int) -> None:
    """Wait until so many reports are on the log: they are written outside transactions, so ends count them."""
    parts = [TopicPartition(DELIVERIES, p) for p in range(PARTITIONS)]
    async with reader(bootstrap) as consumer, asyncio.timeout(300):
        await patience.found(lambda: consumer.end_offsets(parts), lambda ends: sum(ends.values()) >= count, seconds=300)


async def _waits(bootstrap: str) -> list[float]:
    """Return due → reported of the single attempts, ms: their time of being handed out is the wall clock's, unlike the others'."""
    waits: list[float] = []
    due_times: dict[tuple[str, int], list[int]] = {}
    async with reader(bootstrap) as consumer:
        for topic in (DELIVERIES_DUE, DELIVERIES):
            parts = [TopicPartition(topic, p) for p in range(PARTITIONS)]
            consumer.assign(parts)
            ends = await consumer.end_offsets(parts)
            await consumer.seek_to_beginning(*parts)
            while any([await consumer.position(tp) < ends[tp] for tp in parts]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        _note(record.value or b"", topic, due_times, waits)
    return waits


def _note(value: bytes, topic: str, due_times: dict[tuple[str, int], list[int]], waits: list[float]) -> None:
    if topic == DELIVERIES_DUE:
        work = decode_work(value)
        assert isinstance(work, Attempt)
        due_times.setdefault((work.subscription, work.seq), []).append(work.at)
        return
    report = decode_message(value)
    assert isinstance(report, AttemptOutcome)
    assert report.result == "delivered", report
    begun = due_times[report.subscription, report.seq].pop(0)
    if report.at - begun < 3_600_000:  # the others were handed out at a time of the past
        waits.append(report.at - begun)
