"""The parts that a benchmark starts, and what it asks them: a broker, children on free ports, a load, group offsets."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import httpx
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.schemas.kafka_address import client_options
from tests import patience
from tests.ports import free_port

PARTITIONS = 4
SECONDS = float(os.environ.get("SECONDS", "8"))
"""How long a load lasts."""


def create_topic(bootstrap: str, name: str) -> None:
    """Create one topic with the benchmark's partitions and the ingest topic's record size."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(**client_options(bootstrap))
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs={"max.message.bytes": str(8 << 20)})])
        finally:
            await admin.close()

    asyncio.run(create())


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m …` for the length of a with block and end it by SIGTERM."""
    process = subprocess.Popen([sys.executable, "-m", *arguments])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def http_child(module: str, bootstrap: str, *more: str) -> Iterator[int]:
    """Run a module that serves HTTP; give its port once it answers."""
    port = free_port()
    with child(module, bootstrap, str(port), *more) as process:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
                break
            except httpx.HTTPError:
                assert process.poll() is None, f"{module} ended"
                patience.pause(0.05, "between two tries")
        yield port


@contextmanager
def another(port: int, module: str, bootstrap: str, *more: str) -> Iterator[None]:
    """Run a module a second time on the port of a running one; give way once it listens too."""
    with child(module, bootstrap, str(port), *more) as process:
        deadline = time.monotonic() + 30
        while not any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in psutil.Process(process.pid).net_connections("tcp")):
            assert process.poll() is None, f"{module} ended"
            assert time.monotonic() < deadline, f"{module} does not listen on {port}"
            patience.pause(0.05, "between two looks")
        yield


def load(port: int, connections: int, seconds: float, kind: str, path: str = "/v1/events", rate: float = 0.0) -> dict[str, float]:
    """Run the load generator as a process of its own; return what it saw."""
    command = [sys.executable, "-m", "tests.bench.load", str(port), str(connections), str(seconds), kind, path, str(rate)]
    seen: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seen


def producer_performance(broker: EmbeddedBroker, topic: str, records: int, size: int) -> float:
    """Return records a second of Kafka's own ProducerPerformance with acks=all."""
    arguments = ["--topic", topic, "--num-records", str(records), "--record-size", str(size), "--throughput", "-1"]
    arguments += ["--producer.config", str(broker.client_properties), "--producer-props"]
    arguments += ["acks=all", "linger.ms=5", "batch.size=262144", "compression.type=lz4"]
    done = broker.kafka_tool("org.apache.kafka.tools.ProducerPerformance", arguments, timeout_s=300)
    rates = re.findall(r"([\d.]+) records/sec", done.stdout)
    assert rates, done.stdout + done.stderr
    return float(rates[-1])


class Offsets:
    """A look at the ends of a topic and at what a group has committed."""

    def __init__(self, bootstrap: str, topic: str, group: str) -> None:
        self.bootstrap, self.topic, self.group = bootstrap, topic, group

    def look(self) -> tuple[int, int]:
        """Return (sum of ends, sum of committed offsets) over the partitions."""

        async def once() -> tuple[int, int]:
            async with self._clients() as look:
                return await look()

        return asyncio.run(once())

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[Callable[[], Awaitable[tuple[int, int]]]]:
        admin = AIOKafkaAdminClient(**client_options(self.bootstrap))
        consumer = AIOKafkaConsumer(**client_options(self.bootstrap))
        await admin.start()
        await consumer.start()
        partitions = [TopicPartition(self.topic, p) for p in range(PARTITIONS)]

        async def look() -> tuple[int, int]:
            ends = await consumer.end_offsets(partitions)
            committed: dict[TopicPartition, Any] = {}
            with suppress(GroupCoordinatorNotAvailableError):  # nobody has ever joined a group on this broker
                committed = await admin.list_consumer_group_offsets(self.group)
            return sum(ends.values()), sum(committed[tp].offset for tp in partitions if tp in committed)

        try:
            yield look
        finally:
            await consumer.stop()
            await admin.close()

    def rate_to(self, goal: int, begin: int, within_s: float) -> float:
        """Return records a second from the first progress after `begin` until `goal` is committed."""
        return asyncio.run(self._rate_to(goal, begin, within_s))

    async def _rate_to(self, goal: int, begin: int, within_s: float) -> float:
        deadline = time.monotonic() + within_s
        first: tuple[float, int] | None = None
        async with self._clients() as look:  # one for all looks: making clients takes a quarter of a core, which is the stage's own
            while time.monotonic() < deadline:
                _, committed = await look()
                now = time.monotonic()
                if first is None and committed > begin:
                    first = (now, committed)
                if committed >= goal and first is not None:
                    return (committed - first[1]) / (now - first[0])
                await patience.lasting(0.05, "between two looks")
        raise AssertionError(f"{self.group} did not reach {goal} in {within_s} s")
