"""One stage at a time: fill its input, start it, watch its group's offsets until it is through."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.ingest.adapters.kafka.log import KafkaEventLog
from causeline.processors.adapters.clickhouse import apply_migrations, insert_settings, open_engine
from causeline.schemas.kafka_address import client_options
from causeline.schemas.migrations import TableLayout
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import EVENTS, INGEST, PROCESSORS_GROUP, SINK_GROUP
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests import patience
from tests.bench import subscriptions
from tests.bench.parts import PARTITIONS, Offsets, load
from tests.ports import free_port

CHUNK = 500


def event(number: int, now: int) -> Event:
    """Return a deployment as the load generator sends it, normalized."""
    event_id = ids.uuid7(now, secrets.token_bytes(10))
    raw = json.dumps({"kind": "deployment", "title": f"Deploy service-{number % 500}", "commit": f"{number:040x}", "n": number})
    return Event(
        tenant="default",
        id=event_id,
        dialect="native",
        kind="deployment",
        status="success",
        ts=now,
        ingest_ts=now,
        updated_ts=now,
        service=f"service-{number % 500}",
        environment="production",
        title=f"Deploy service-{number % 500} v2.{number % 90} to production",
        source="github_actions",
        owner=f"team-{number % 40}",
        commit=f"{number:040x}",
        tags={"region": f"eu-{number % 3}"},
        raw=raw,
    )


def fill_ingest(bootstrap: str, records: int) -> float:
    """Append plain creates; return records a second, encoding included."""

    async def fill() -> float:
        await topics.ensure(bootstrap, PARTITIONS, 1)
        log = KafkaEventLog(bootstrap, PARTITIONS)
        await log.start()
        slots = asyncio.Semaphore(16)

        async def chunk(first: int) -> None:
            async with slots:
                now = now_ms()
                events = [event(n, now) for n in range(first, first + CHUNK)]
                await log.append(
                    [
                        IngestRecord(op="create", tenant=e.tenant, id=e.id, record_id=e.id, ingest_ts=now, event=codec.encode_record(e))
                        for e in events
                    ],
                )

        began = time.perf_counter()
        await asyncio.gather(*(chunk(n) for n in range(0, records, CHUNK)))
        took = time.perf_counter() - began
        await log.stop()
        return records / took

    return asyncio.run(fill())


def subscribe(bootstrap: str, number: int, one_in: int) -> int:
    """Make so many subscriptions known to every partition, that want one event in `one_in`; return the records that it took."""
    now = now_ms()
    values = [codec.encode_record(subscriptions.subscribe(subscriptions.rule(n, one_in), now)) for n in range(number)]

    async def fill() -> None:
        await topics.ensure(bootstrap, PARTITIONS, 1)
        async with AIOKafkaProducer(**client_options(bootstrap), linger_ms=20) as producer:
            sent = [await producer.send(INGEST, value, partition=partition) for value in values for partition in range(PARTITIONS)]
            await asyncio.gather(*sent)

    asyncio.run(fill())
    return number * PARTITIONS


@contextmanager
def command(name: str, bootstrap: str, folder: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `causeline server` or `causeline processors` against a broker."""
    env = os.environ | {
        "CAUSELINE_KAFKA": bootstrap,
        "CAUSELINE_DATA_DIR": folder,
        "CAUSELINE_HTTP_PORT": str(free_port()),
        "CAUSELINE_PROCESSORS_METRICS_PORT": str(free_port()),
        "CAUSELINE_LOG_LEVEL": "warning",
    }
    process = subprocess.Popen([str(Path(sys.executable).with_name("causeline")), name], env=env)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(40)


def processors_rate(bootstrap: str, records: int, before: int = 0) -> float:
    """Return events a second of one processors process over a log of so many records, of which those `before` are not events."""
    with tempfile.TemporaryDirectory() as folder, command("processors", bootstrap, folder):
        return Offsets(bootstrap, INGEST, PROCESSORS_GROUP).rate_to(records, before, 300)


def sink_rate(bootstrap: str) -> float:
    """Return rows a second of the sink in a server, over what the processors wrote."""
    offsets = Offsets(bootstrap, EVENTS, SINK_GROUP)
    end, _ = offsets.look()
    with tempfile.TemporaryDirectory() as folder, command("server", bootstrap, folder):
        return offsets.rate_to(end - 2 * PARTITIONS, 0, 300)


def raw_insert_rate(rows: int) -> float:
    """Return rows a second of inserting prepared containers of 50,000 rows as the sink does, on one thread: the engine without our loop."""
    now = now_ms()
    frames = [codec.encode_record(event(n, now)) for n in range(rows)]
    schema_id = codec.latest("event").id
    containers = [codec.container(schema_id, frames[at : at + 50_000]) for at in range(0, rows, 50_000)]

    def insert(folder: str) -> float:
        client = open_engine(Path(folder))
        apply_migrations(client, TableLayout())
        settings = insert_settings(client)
        began = time.perf_counter()
        for one in containers:
            client.raw_insert("causeline.events", insert_block=one, fmt="Avro", settings=settings)
        took = time.perf_counter() - began
        client.close()
        return took

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        return rows / thread.submit(insert, folder).result()


def visible_at(port: int, seconds: float, rate: float) -> dict[str, float]:
    """Return p50 and p99 of acknowledged to visible, in ms, at `rate` events a second in single POSTs, a few of which are the probes."""
    probes = min(rate, 8.0)  # enough for a p99 in half a minute, and too few to be the load
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load, port, 8, seconds + 2, "single", "/v1/events", rate - probes) if rate > probes else None
        patience.pause(1, "the load begins first")
        arguments = [str(port), str(seconds), str(2 if rate > 1 else 1), str(probes)]
        done = subprocess.run([sys.executable, "-m", "tests.bench.visibility", *arguments], check=True, capture_output=True, text=True)
        load_rate = loading.result()["events_per_second"] + probes if loading else rate
    figures: dict[str, float] = json.loads(done.stdout)
    return figures | {"per_second": load_rate}


def visibility(port: int, seconds: float, connections: int, kind: str, rate: float) -> dict[str, float]:
    """Return p50 and p99 of acknowledged to visible, in ms, while a load of `rate` requests a second runs."""
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(load, port, connections, seconds + 2, kind, "/v1/events", rate)
        patience.pause(1, "the load begins first")
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.visibility", str(port), str(seconds)], check=True, capture_output=True, text=True
        )
        loading.result()
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
