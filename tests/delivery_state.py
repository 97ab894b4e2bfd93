"""A delivery state as tests play it: subscriptions on the configuration, work on `due`, and the reports that come back."""

import time
from collections.abc import Sequence

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from cryptography.fernet import Fernet

from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.config import HOOKS, config_record
from causeline.schemas.records.delivery_work import (
    Attempt,
    AttemptOutcome,
    Backfill,
    DeliveryMessage,
    DeliveryWork,
    decode_message,
    delivery_id,
    encode_delivery_work,
)
from causeline.schemas.records.event import Event
from causeline.schemas.subscriptions.rules import Rule, SigningKey, Subscription, Target, hook_key
from causeline.schemas.subscriptions.sealing import Sealer
from causeline.schemas.topics import CONFIG, DELIVERIES, DELIVERIES_DUE
from causeline.schemas.wire import codec
from causeline.schemas.wire.config_records import encode_config_record
from causeline.schemas.wire.partitioning import partition_of
from tests.kafka_topics import reader

KEY = Fernet.generate_key().decode()
SEALER = Sealer(KEY)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
T0 = 1_780_000_000_000


def webhook(name: str, url: str, **target: object) -> Subscription:
    """A subscription of tenant `t` to a webhook."""
    target_record = Target(type="webhook", url=SEALER.seal(url), keys=(SigningKey(secret=SEALER.seal(SECRET)),), **target)  # type: ignore[arg-type]
    return Subscription(rule=Rule(id=name, tenant="t", revision=1, name=name, created_at=T0), target=target_record, updated_at=T0)


def event(number: int, **columns: object) -> Event:
    """An event of tenant `t`."""
    fields = {"title": f"rollout {number}", "service": "shop", "ingest_ts": T0, "updated_ts": T0, **columns}
    return Event(tenant="t", id=f"event-{number}", dialect="native", kind="deployment", ts=T0, **fields)  # type: ignore[arg-type]


def attempt(subscription: str, seq: int, **fields: object) -> Attempt:
    """An attempt to tell of `event(seq)`."""
    about = event(seq)
    defaults: dict[str, object] = {
        "revision": 1,
        "delivery_id": delivery_id(subscription, "event", about.id, 1),
        "attempt": 1,
        "what": "event",
        "entity": about.id,
        "version": 1,
        "record": codec.encode_record(about),
        "received": T0,
        "first_at": T0,
        "at": T0,
        **fields,
    }
    return Attempt(subscription=subscription, seq=seq, **defaults)  # type: ignore[arg-type]


class State:
    """What a test does in the place of the processors, on the product's own topics."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions

    async def know(self, *subscriptions: Subscription) -> None:
        """Put subscriptions into the configuration."""
        producer = AIOKafkaProducer(**client_options(self._bootstrap), acks="all")
        try:
            await producer.start()
            for subscription in subscriptions:
                value = msgspec.to_builtins(subscription)
                key, frame = encode_config_record(config_record(HOOKS, hook_key("t", subscription.rule.id), value, T0))
                await producer.send_and_wait(CONFIG, frame, key)
        finally:
            await producer.stop()

    async def hand_out(self, *work: DeliveryWork) -> None:
        """Write work in one transaction, as the processors do."""
        producer = AIOKafkaProducer(**client_options(self._bootstrap), transactional_id=f"state-{id(self)}")
        try:
            await producer.start()
            async with producer.transaction():
                for each in work:
                    name = each.rule.id if isinstance(each, Backfill) else each.subscription
                    await producer.send(DELIVERIES_DUE, encode_delivery_work(each), name.encode(), partition=self.partition(name))
        finally:
            await producer.stop()

    def partition(self, subscription: str) -> int:
        return partition_of(subscription.encode(), self._partitions)

    async def reports(self, count: int, subscriptions: Sequence[str], seconds: float = 180.0) -> list[DeliveryMessage]:
        """Wait until so many different pieces of work of the subscriptions were reported; return all reports, each on its partition."""
        messages: list[DeliveryMessage] = []
        work_keys: set[object] = set()
        parts = [TopicPartition(DELIVERIES, p) for p in range(self._partitions)]
        async with reader(self._bootstrap) as consumer:
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            until = time.monotonic() + seconds
            while len(work_keys) < count:
                assert time.monotonic() < until, f"{len(work_keys)} of {count} pieces of work were reported in {seconds:g} s"
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    for record in records:
                        name = (record.key or b"").decode()
                        if name not in subscriptions:
                            continue
                        assert tp.partition == self.partition(name)
                        message = decode_message(record.value or b"")
                        messages.append(message)
                        work_keys.add((name, message.seq, message.attempt) if isinstance(message, AttemptOutcome) else record.value)
        return messages
