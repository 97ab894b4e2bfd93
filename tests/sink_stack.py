"""The sink on real parts for tests: Kafka in, embedded ClickHouse out, with the records that fill it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError
from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.adapters.kafka.sink import KafkaDeadLetters, KafkaSinkSource
from causeline.processors.sink.ports import TOPIC_TABLES
from causeline.processors.sink.sink import InsertLimits, Sink, SinkClock
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.causes import BlindSpotEntry, CauseEntry, CauseRevision, ReasonEntry
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from tests import patience

T0 = 1_780_000_000_000
DELIVERED = (time.time_ns() // 10**9 - 3_600) * 1_000
"""An hour ago: deliveries that are older than 90 days are dropped by their tables."""
PARTITIONS = 4
SHORT_LINGER = InsertLimits(linger_ms=50)


def event(tenant: str, number: int, version: int = 1, *, is_deleted: bool = False, title: str = "") -> Event:
    """One of many events: the same number is the same event."""
    ts = T0 + number
    return Event(
        tenant=tenant,
        id=ids.uuid7(ts, number.to_bytes(10)),
        version=version,
        is_deleted=is_deleted,
        dialect="tracker",
        kind="deployment",
        status="success",
        ts=ts,
        ingest_ts=T0,
        updated_ts=T0 + version,
        service=f"service-{number % 50}",
        environment="production",
        priority="P1",
        title=title or f"Deployment {number} of service-{number % 50}",
        text="rolled out by the pipeline after the canary was healthy for ten minutes",
        source="ci",
        owner="team-core",
        actor="jane",
        commit=f"{number:040x}",
        repo="git.example/core",
        tags={"region": "eu-west-1", "cluster": f"c{number % 7}"},
        entities=[f"service-{number % 50}", f"host-{number % 200}"],
        links={"pipeline": f"https://ci.example/runs/{number}"},
        raw='{"title":"Deployment","attributes":{"message":"rolled out","priority":1,"service":"x","status":3,"type":1}}',
    )


def problem(tenant: str, number: int, version: int, transition: str) -> Problem:
    """One version of one of many problems."""
    is_closed = transition in {"closed", "timed_out"}
    return Problem(
        tenant=tenant,
        id=ids.uuid7(T0 + number, number.to_bytes(10)),
        version=version,
        dialect="desk",
        kind="error_event",
        correlation_id=f"correlation-{number}",
        event_id=ids.uuid7(T0 + number, number.to_bytes(10)),
        state="closed" if is_closed else "open",
        transition=transition,  # type: ignore[arg-type]
        at=T0 + number + version,
        start=T0 + number,
        end=T0 + number + version if is_closed else None,
        last_receipt=T0 + number,
        ingest_ts=T0,
        title=f"Problem {number}",
    )


def delivery(tenant: str, number: int, attempt: int, outcome: str = "delivered") -> Delivery:
    """One attempt of one of many deliveries."""
    return Delivery(
        tenant=tenant,
        subscription_id=f"subscription-{number % 5}",
        id=f"msg_{tenant}_{number}",
        attempt=attempt,
        what="event",
        entity=ids.uuid7(T0 + number, number.to_bytes(10)),
        version=1,
        outcome=outcome,  # type: ignore[arg-type]
        received=DELIVERED + number,
        at=DELIVERED + number + attempt * 1_000,
        record=b"\x00\xff record" if outcome == "dead" else b"",
    )


def revision(tenant: str, number: int, revision_number: int) -> CauseRevision:
    """One revision of the ranking of one of many problems."""
    return CauseRevision(
        tenant=tenant,
        id=ids.uuid7(T0 + number, number.to_bytes(10)),
        revision=revision_number,
        occasion="opened" if revision_number == 1 else "scheduled",
        verdict="likely",
        none_probability=0.1,
        candidates=1,
        model="1",
        computed_at=T0 + number + revision_number,
        as_of=T0 + number,
        causes=[
            CauseEntry(
                event_id=f"event-{number}",
                probability=0.9,
                score=2.5,
                relation="same_service",
                offset_seconds=-240.0,
                ts=T0,
                reasons=[ReasonEntry(feature="time", contribution=2.5, text="finished 4 min before the problem began")],
            )
        ],
        blind_spots=[BlindSpotEntry(service="payments", kind="config_change")],
        problem_version=1,
        correlation_id=f"correlation-{number}",
        dialect="desk",
        kind="error_event",
        state="open",
        start=T0 + number,
    )


async def produce(bootstrap: str, values: Sequence[tuple[str, int, bytes | None]], *, round_size: int = 500) -> None:
    """Write (topic, partition, value) in transactions, as the processors do."""
    producer = AIOKafkaProducer(**client_options(bootstrap), transactional_id=f"test-{time.monotonic_ns()}", max_batch_size=1 << 18)
    async with producer:
        for at in range(0, len(values), round_size):
            async with producer.transaction():
                for topic, partition, value in values[at : at + round_size]:
                    await producer.send(topic, value, key=b"key", partition=partition)


class Progress:
    """Ends of the public topics and what a group has committed of them."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._consumer = AIOKafkaConsumer(**client_options(bootstrap), isolation_level="read_committed")
        self._admin = AIOKafkaAdminClient(**client_options(bootstrap))
        self._group = group

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def ends(self) -> dict[TopicPartition, int]:
        return dict(await self._consumer.end_offsets([TopicPartition(t, p) for t in TOPIC_TABLES for p in range(PARTITIONS)]))

    async def committed(self) -> dict[TopicPartition, int]:
        try:
            offsets = await self._admin.list_consumer_group_offsets(self._group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            return {}  # a broker that has just started: its topic of offsets is being made or read
        return {tp: meta.offset for tp, meta in offsets.items() if meta.offset >= 0}

    async def lag(self) -> int:
        """Return how many offsets are not applied yet."""
        committed = await self.committed()
        return sum(max(end - committed.get(tp, 0), 0) for tp, end in (await self.ends()).items())

    async def wait_until_applied(self) -> None:
        await patience.found(self.lag, lambda lag: not lag, seconds=60)


@asynccontextmanager
async def running_sink(
    bootstrap: str, group: str, open_client: Callable[[], Client], limits: InsertLimits = SHORT_LINGER
) -> AsyncIterator[Sink]:
    """Run a sink for the length of a with block."""
    source = KafkaSinkSource(bootstrap, group=group, session_timeout_ms=1_500)
    writer, letters = ClickHouseTableWriter(open_client), KafkaDeadLetters(bootstrap)
    await source.start()
    sink = Sink(source, writer, letters, SinkClock(lambda: time.time_ns() // 1_000_000, time.monotonic), limits=limits)
    task = asyncio.create_task(sink.run())
    try:
        yield sink
    finally:
        sink.stop()
        await asyncio.wait_for(task, 30)
        await source.close()
        await letters.close()
        await writer.close()
