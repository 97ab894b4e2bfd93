"""`causeline processors` with both of its runners on a real broker: a notification in, its attempt out, its report, a clean stop."""

import os
import time
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer

from causeline.deploy.adapters import topics
from causeline.deploy.embedded import spawn
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.deploy.embedded.parts import causeline_argv
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import Attempt, AttemptOutcome, Configured, DeliveryMessage, Notification
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import DELIVERIES, DELIVERIES_DUE, DELIVERIES_LOG
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of
from tests.kafka_topics import read_committed, until
from tests.ports import free_port
from tests.sink_stack import PARTITIONS

_S = "019aa000-0000-7000-8000-000000000001"
_PLACE = partition_of(_S.encode(), PARTITIONS)


async def _put(bootstrap: str, *messages: DeliveryMessage) -> None:
    producer = AIOKafkaProducer(**client_options(bootstrap))
    await producer.start()
    try:
        for message in messages:
            await producer.send_and_wait(DELIVERIES, delivery_work.encode_delivery_work(message), _S.encode(), partition=_PLACE)
    finally:
        await producer.stop()


async def test_a_notification_is_handed_out_its_report_is_logged_and_sigterm_ends_both_runners(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    await topics.ensure(broker.bootstrap, PARTITIONS, 1)
    port, now = free_port(), time.time_ns() // 1_000_000
    env = {
        **os.environ,
        "CAUSELINE_KAFKA": broker.bootstrap,
        "CAUSELINE_PARTITIONS": str(PARTITIONS),
        "CAUSELINE_PROCESSORS_METRICS_PORT": str(port),
    }
    with (tmp_path / "log").open("wb") as log:
        process = spawn.spawn(causeline_argv("processors"), env=env, output=log)
    rule = Rule(id=_S, tenant="acme", revision=1, created_at=now)
    notification = Notification(subscriptions=(_S,), what="event", entity="e1", version=1, record=b"r", received=now, at=now)
    await _put(broker.bootstrap, Configured(rule=rule, at=now), notification)

    async def attempts() -> list[Attempt]:
        work = [delivery_work.decode_work(value) for _, value in await read_committed(broker.bootstrap, DELIVERIES_DUE, _PLACE) if value]
        return [one for one in work if isinstance(one, Attempt) and one.subscription == _S]

    async def is_handed_out() -> bool:
        assert process.poll() is None, (tmp_path / "log").read_text()
        return bool(await attempts())

    async def is_logged() -> bool:
        return bool(await read_committed(broker.bootstrap, DELIVERIES_LOG, _PLACE))

    try:
        await until(is_handed_out, 60)
        (attempt,) = await attempts()
        outcome = AttemptOutcome(subscription=_S, seq=attempt.seq, attempt=attempt.attempt, result="delivered", status=200, at=now)
        await _put(broker.bootstrap, outcome)
        await until(is_logged)
        logged = [
            codec.decode_record(value, Delivery) for _, value in await read_committed(broker.bootstrap, DELIVERIES_LOG, _PLACE) if value
        ]
        assert [(one.id, one.outcome) for one in logged] == [(attempt.delivery_id, "delivered")]
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        assert f'causeline_subscription_attempts_total{{outcome="delivered",subscription="{_S}",tenant="acme"}} 1.0' in metrics
        assert 'causeline_lag_seconds{stage="deliveries"}' in metrics
    finally:
        process.terminate()
        ended = process.wait(timeout=40)
    assert ended == 0, (tmp_path / "log").read_text()
