"""What became of deliveries, on a whole stack: from the log into the tables, over HTTP, on the command line, and back to the log."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from aiokafka import AIOKafkaProducer

from causeline.deploy.embedded.parts import causeline_argv
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records import delivery_work
from causeline.schemas.records.config import HOOKS, config_record
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.subscriptions.rules import Rule, Subscription, Target, hook_key
from causeline.schemas.topics import CONFIG, DELIVERIES_LOG, INGEST
from causeline.schemas.wire import codec
from tests.e2e.stream_client import a_tenant
from tests.kafka_topics import read_committed, until
from tests.stack import Stack

_PARTITIONS = 4


def put(stack: Stack, topic: str, *records: tuple[bytes, bytes]) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(**client_options(stack.kafka)) as producer:
            for key, value in records:
                await producer.send_and_wait(topic, value, key=key)

    asyncio.run(send())


def attempts(tenant: str, now: int) -> list[Delivery]:
    """One delivery that was tried twice and died, and one that was delivered."""

    def attempt(name: str, number: int, outcome: delivery_work.DeliveryOutcome, **fields: Any) -> Delivery:
        base: dict[str, Any] = {
            "tenant": tenant,
            "subscription_id": f"s-{tenant}",
            "id": f"msg_{tenant}_{name}",
            "what": "event",
            "entity": name,
        }
        base |= {"what": "event", "entity": name, "version": 1}
        base |= {"received": now - 60_000, "at": now - 50_000 + number * 1_000}
        return msgspec.convert({**base, "attempt": number, "outcome": outcome, **fields}, Delivery)

    dead = attempt("a", 2, "dead", status_code=500, detail="oops")
    return [
        attempt("a", 1, "retried", next_attempt=now - 48_000),
        msgspec.structs.replace(dead, record=b"\x00\xff of a"),
        attempt("b", 1, "delivered", status_code=200, received=now - 30_000),
    ]


def cli(stack: Stack, tenant: str, *args: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    command = [*causeline_argv("deliveries"), *args, "--url", stack.url, "--tenant", tenant]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean)


def eventually(ask: Callable[[], list[Any]], count: int) -> list[Any]:
    async def there() -> bool:
        return len(ask()) == count

    asyncio.run(until(there))
    return ask()


def test_attempts_on_the_log_are_shown_and_what_died_goes_to_the_log_again(stack: Stack) -> None:
    tenant = a_tenant()
    rows = attempts(tenant, time.time_ns() // 1_000_000)
    put(stack, DELIVERIES_LOG, *((row.id.encode(), codec.encode_record(row)) for row in rows))

    def listed() -> list[Any]:
        headers = {"Causeline-Tenant": tenant}
        answer = httpx.get(f"{stack.url}/v1/deliveries", params={"from": "now-5m"}, headers=headers, timeout=30)
        return list(answer.raise_for_status().json()["deliveries"])

    delivery_rows = eventually(listed, 2)
    assert [(row["entity"], row["attempt"], row["outcome"]) for row in delivery_rows] == [("b", 1, "delivered"), ("a", 2, "dead")]

    (line,) = cli(stack, tenant, "list", "--outcome", "dead", "--since", "5m", "--json").stdout.splitlines()
    dead = json.loads(line)["id"]
    page = cli(stack, tenant, "show", dead)
    assert (page.returncode, "oops" in page.stdout, "of a" in page.stdout) == (0, True, False)

    refused = cli(stack, tenant, "retry", dead)
    assert (refused.returncode, "was deleted" in refused.stdout) == (1, True)
    subscribe(stack, tenant)

    async def is_subscribed() -> bool:
        return cli(stack, tenant, "retry", "--subscription", f"s-{tenant}", "--all", "--yes").returncode == 0

    asyncio.run(until(is_subscribed))
    ((key, notification),) = repeats(stack, tenant)
    assert key == f"s-{tenant}".encode()
    assert (notification.delivery_id, notification.record, notification.received) == (dead, b"\x00\xff of a", rows[0].received)


def subscribe(stack: Stack, tenant: str) -> None:
    """Write a subscription that nothing was armed with: the processors know nothing of it."""
    rule = Rule(id=f"s-{tenant}", tenant=tenant, revision=1, created_at=0)
    subscription = Subscription(rule=rule, target=Target(type="webhook"), updated_at=0)
    record = config_record(HOOKS, hook_key(tenant, rule.id), msgspec.to_builtins(subscription), 0)
    put(stack, CONFIG, (record.log_key, codec.encode_record(record)))


def repeats(stack: Stack, tenant: str) -> list[tuple[bytes, delivery_work.Notification]]:
    """Return the keys and notifications of a tenant's repeats on the ingest log."""
    notifications: list[tuple[bytes, delivery_work.Notification]] = []
    for partition in range(_PARTITIONS):
        for key, value in asyncio.run(read_committed(stack.kafka, INGEST, partition)):
            try:
                record = codec.decode_record(value or b"", IngestRecord)
            except codec.CodecError:  # what other tests of this stack put there to be set aside
                continue
            if (record.op, record.tenant) == ("notify", tenant):
                notification = delivery_work.decode_message(record.event)
                assert isinstance(notification, delivery_work.Notification)
                notifications.append((key, notification))
    return notifications
