"""Dead letters on a whole stack: what an operator finds, what goes again, and what the log says afterwards."""

import asyncio
import json
import os
import subprocess
import time
import uuid
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer, TopicPartition

from causeline.deploy.embedded.parts import causeline_argv
from causeline.query_api.adapters.kafka.positions import KafkaFrontier
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.topics import DEAD_LETTERS, INGEST
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests.kafka_topics import read_committed, until
from tests.stack import Stack

_PARTITIONS = 4


def dlq(stack: Stack, *args: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    command = [*causeline_argv("dlq"), *args, "--data-dir", str(stack.data_dir), "--kafka-port", str(stack.kafka_port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean)


def listed(stack: Stack, *args: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in dlq(stack, "list", "--json", *args).stdout.splitlines()]


def put(stack: Stack, topic: str, partition: int, key: bytes, value: bytes) -> int:
    async def send() -> int:
        async with AIOKafkaProducer(**client_options(stack.kafka)) as producer:
            return int((await producer.send_and_wait(topic, value, key=key, partition=partition)).offset)

    return asyncio.run(send())


def test_a_record_that_nobody_can_read_is_listed_and_refused_with_advice(stack: Stack) -> None:
    key = uuid.uuid4().hex
    offset = put(stack, INGEST, 2, key.encode(), b"not Avro at all")

    async def is_set_aside() -> bool:
        return any(letter_key == key.encode() for letter_key, _ in await read_committed(stack.kafka, DEAD_LETTERS, 2))

    asyncio.run(until(is_set_aside))
    (row,) = [row for row in listed(stack, "--reason", "undecodable") if row["key"] == key]
    assert (row["topic"], row["partition"], row["offset"], row["retried_at"]) == (INGEST, 2, offset, None)
    refused = dlq(stack, "retry", row["position"])
    assert (refused.returncode, refused.stderr) == (1, "")
    assert "this version would set it aside again (undecodable: " in refused.stdout
    assert "6e 6f 74 20 41 76 72 6f" in dlq(stack, "show", row["position"]).stdout


def test_a_record_that_an_older_version_set_aside_is_an_event_after_its_retry_and_the_log_flows_on(stack: Stack) -> None:
    tenant, now = uuid.uuid4().hex, int(time.time() * 1_000)
    columns = {"dialect": "native", "kind": "deployment", "title": "late", "ts": now, "ingest_ts": now, "updated_ts": now}
    event = Event(tenant=tenant, id=ids.uuid7(now, os.urandom(10)), **columns)  # type: ignore[arg-type] # columns of many types
    record = IngestRecord(op="create", tenant=tenant, id=event.id, record_id=event.id, ingest_ts=now, event=codec.encode_record(event))
    letter = DeadLetter(
        reason="unknown_op",
        tenant=tenant,
        id=event.id,
        at=now,
        topic=INGEST,
        partition=1,
        offset=0,
        key=record.key,
        value=codec.encode_record(record),
    )
    offset = put(stack, DEAD_LETTERS, 1, record.key, codec.encode_record(letter))
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=30) as http:
        assert http.get(f"/v1/events/{event.id}").status_code == 404
        process = dlq(stack, "retry", f"1:{offset}")
        assert (process.returncode, process.stderr) == (0, "")
        assert http.get(f"/v1/events/{event.id}").json()["title"] == "late"
        # Behind the record lies a transaction's marker, and nothing else comes to this partition but ticks.
        asyncio.run(until(lambda: _processors_are_at_the_end(stack), 30))
        began = time.monotonic()
        assert http.get(f"/v1/events/{ids.uuid7(now, os.urandom(10))}").status_code == 404
        assert time.monotonic() - began < 4, "a miss waits until all of the log is applied, 5 s at most"
        assert [one["id"] for one in http.get("/v1/events").json()["events"]] == [event.id]
    assert httpx.get(f"{stack.url}/readyz").status_code == 200
    again = dlq(stack, "retry", f"1:{offset}")
    assert (again.returncode, "it was retried at 20" in again.stdout) == (1, True)


async def _processors_are_at_the_end(stack: Stack) -> bool:
    frontier = KafkaFrontier(stack.kafka, _PARTITIONS, lambda: None)
    try:
        progress = await frontier.look()
    finally:
        await frontier.stop()
    at = TopicPartition(INGEST, 1)
    return progress.processed[at] >= progress.ends[at]
