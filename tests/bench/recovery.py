"""How long a new owner of all partitions takes to have a full state again: a million open problems and a million idempotency keys.

The changelog is written as the processors write it (rounds of 2,000 records, in transactions); then `causeline processors` starts, and the
clock runs from the start of the process until a record that waited is committed on every partition. The ceiling is a bare consumer that
reads the same changelog in the same run and does nothing with it.

    python -m tests.bench.recovery
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import psutil
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.kafka.broker import transactional_ids
from causeline.processors.adapters.kafka.transactions import KafkaTransactions
from causeline.processors.events import state
from causeline.processors.events.dedup import Dedup, DedupView
from causeline.processors.runtime import completeness
from causeline.processors.runtime.completeness import STANDING_KEY, Standing
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CHANGELOG, INGEST, PROCESSORS_GROUP
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests.bench.parts import PARTITIONS
from tests.bench.report import Report, most
from tests.bench.stages import command
from tests.kafka_topics import Topics, committed_offsets
from tests.partition_log import HOUR, Partition, push, tick

PROBLEMS = 1_000_000
KEYS = 1_000_000
ROUND = 2_000
ROUNDS_A_TRANSACTION = 5
"""The filling packs some rounds into one transaction: their records are the same, and a transaction takes 20 ms at least."""

Changes = dict[bytes, bytes | None]


def problem_rounds(partition: int, count: int, now: int) -> Iterator[Changes]:
    """Yield rounds that open problems, due within the hour from one hour on."""
    sample = Partition()
    sample.feed(push(1, now, "c0", timeout_ms=HOUR))
    (value,) = (value for key, value in sample.changelog if key[:1] == state.PROBLEM_TAG)
    assert value
    opened = state.decode_problem(value)
    for first in range(0, count, ROUND):
        changes: Changes = {}
        for n in range(first, min(first + ROUND, count)):
            correlation_id = ids.uuid5("acme", f"{partition}-{n}")
            deadline = now + HOUR + n * HOUR // count
            problem = msgspec.structs.replace(opened.problem, id=correlation_id, correlation_id=correlation_id, deadline=deadline)
            changes[state.problem_key("acme", correlation_id)] = state.encode_event_state(msgspec.structs.replace(opened, problem=problem))
        yield changes


def key_rounds(partition: int, count: int, now: int) -> Iterator[Changes]:
    """Yield rounds that see idempotency keys, spread over the last 50 minutes."""
    dedup = Dedup(HOUR)
    for first in range(0, count, ROUND):
        seen = DedupView(dedup, lambda _at, _key: None)
        for n in range(first, min(first + ROUND, count)):
            seen.check(int(ids.uuid5("acme", f"key-{partition}-{n}").replace("-", ""), 16), n, now - 3_000_000 + n * 3_000_000 // count)
        yield seen.changes()
        dedup.adopt(seen)


async def fill(bootstrap: str, problems: int, keys: int) -> None:
    """Write the state of every partition, and one record behind the committed offset that is yet to be worked on."""
    await topics.ensure(bootstrap, PARTITIONS, 1)
    now = now_ms()
    producer = AIOKafkaProducer(**client_options(bootstrap))
    await producer.start()
    for partition in range(PARTITIONS):
        for _ in range(2):
            await producer.send_and_wait(INGEST, codec.encode_record(tick(now)), b"tick", partition=partition)
    await producer.stop()
    await asyncio.gather(*(_fill_partition(bootstrap, p, problems // PARTITIONS, keys // PARTITIONS, now) for p in range(PARTITIONS)))


async def _fill_partition(bootstrap: str, partition: int, problems: int, keys: int, now: int) -> None:
    names = {"input_topic": INGEST, "changelog_topic": CHANGELOG, "group": PROCESSORS_GROUP}
    writer = KafkaTransactions(bootstrap, transactional_ids("causeline")(partition), partition=partition, **names)
    await writer.start()
    for rounds in (problem_rounds(partition, problems, now), key_rounds(partition, keys, now)):
        while together := {key: value for changes in islice(rounds, ROUNDS_A_TRANSACTION) for key, value in changes.items()}:
            await writer.commit([], together, 1)
    standing = completeness.encode_standing(Standing(position=1, complete_from=0))
    await writer.commit([], {state.TIME_KEY: state.encode_event_state(now), STANDING_KEY: standing}, 1)
    await writer.close()


async def bare_read(bootstrap: str) -> tuple[float, int, int]:
    """Return (seconds, records, bytes) of a consumer that reads the whole changelog, partition after partition, and drops it."""
    began, records, size = time.perf_counter(), 0, 0
    consumer = AIOKafkaConsumer(
        **client_options(bootstrap), isolation_level="read_committed", auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    try:
        for partition in range(PARTITIONS):
            tp = TopicPartition(CHANGELOG, partition)
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            await consumer.seek_to_beginning(tp)
            while await consumer.position(tp) < end:
                batch = (await consumer.getmany(tp, timeout_ms=1_000)).get(tp, [])
                records += len(batch)
                size += sum(len(record.value or b"") for record in batch)
    finally:
        await consumer.stop()
    return time.perf_counter() - began, records, size


def measured(bootstrap: str) -> tuple[float, float, int]:
    """Return (seconds, CPU seconds, peak bytes resident) from the start of a processors process until it works on every partition."""
    topics_of = Topics(INGEST, "", CHANGELOG, PROCESSORS_GROUP)
    peak = 0
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, command("processors", bootstrap, folder) as child:
        process = psutil.Process(child.pid)
        while min(asyncio.run(committed_offsets(bootstrap, topics_of, PARTITIONS))) < 2:
            peak = max(peak, process.memory_info().rss)
            if (code := child.poll()) is not None or time.perf_counter() - began > 300:
                ended = "" if code is None else f": they ended with {code}"
                raise AssertionError(f"the processors did not come back within {time.perf_counter() - began:.0f} s{ended}")
        took = time.perf_counter() - began
        used = process.cpu_times()
        return took, used.user + used.system, max(peak, process.memory_info().rss)


def recovery(report: Report) -> None:
    """A new owner of all partitions, until it works on them again."""
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        try:
            asyncio.run(fill(broker.bootstrap, PROBLEMS, KEYS))
            bare, records, size = asyncio.run(bare_read(broker.bootstrap))
            took, cpu, peak = measured(broker.bootstrap)
        finally:
            broker.stop()
    report.add("bare consumer, the same changelog", bare, "s", note=f"{records:,} records, {size / 1e6:,.0f} MB of values")
    note = f"{cpu:.1f} s of CPU, {peak / (1 << 20):,.0f} MiB resident at most, one process, {PARTITIONS} partitions"
    report.add(f"restore of {PROBLEMS:,} problems and {KEYS:,} keys", took, "s", bare, "bare consumer", note, most(15))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    recovery(Report())
