"""The laws of a HealthView, on the memory twin and on a real broker; and that nothing on the broker shows a secret."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.ingest.adapters.kafka.health import KafkaHealth
from causeline.ingest.adapters.memory.health import MemoryHealth
from causeline.ingest.ports import HealthView
from causeline.schemas.kafka_address import client_options
from causeline.schemas.records.delivery import Health
from tests.contract.event_logs import until
from tests.contract.test_config_log_laws import PARTITIONS, make_topic

Say = Callable[[str, Health | None], Awaitable[None]]


class Told:
    """A view, and how the processors tell it something."""

    def __init__(self, view: HealthView, say: Say) -> None:
        self.view, self.say = view, say

    async def shows(self, subscription_id: str, health: Health | None) -> None:
        """Wait until the view shows it: nothing announces that."""
        await until(lambda: self.view.of(subscription_id) == health, 10)


@pytest.fixture(params=["memory", "kafka"])
async def told(request: pytest.FixtureRequest) -> AsyncIterator[Told]:
    if request.param == "memory":
        memory = MemoryHealth()

        async def put(subscription_id: str, health: Health | None) -> None:
            memory.put(subscription_id, health)

        yield Told(memory, put)
        return
    broker: EmbeddedBroker = request.getfixturevalue("broker")
    topic = f"t{uuid.uuid4().hex[:12]}.health"
    await make_topic(broker.bootstrap, topic)
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), transactional_id=topic)
    view = KafkaHealth(broker.bootstrap, PARTITIONS, topic=topic)
    await producer.start()
    await view.start()

    async def send(subscription_id: str, health: Health | None) -> None:
        value = None if health is None else msgspec.json.encode(health)
        async with producer.transaction():  # as the processors do
            await producer.send_and_wait(topic, value, key=subscription_id.encode())

    yield Told(view, send)
    await view.stop()
    await producer.stop()


def health(subscription_id: str, revision: int = 1) -> Health:
    return Health(id=subscription_id, tenant="t", revision=revision, state="disabled", why="410", waiting=7, last_attempt=5, at=9)


async def test_the_newest_that_was_said_is_shown(told: Told) -> None:
    assert told.view.of("a") is None
    for revision in (1, 2, 3):
        await told.say("a", health("a", revision))
    await told.say("b", health("b"))
    await told.shows("a", health("a", 3))
    await told.shows("b", health("b"))


async def test_what_is_gone_is_not_known_any_more(told: Told) -> None:
    await told.say("a", health("a"))
    await told.shows("a", health("a"))
    await told.say("a", None)
    await told.shows("a", None)
    await told.say("never", None)
    await told.say("b", health("b"))
    await told.shows("b", health("b"))


async def test_what_cannot_be_read_hides_nothing_else_and_what_was_not_committed_is_not_shown(broker: EmbeddedBroker) -> None:
    topic = f"t{uuid.uuid4().hex[:12]}.health"
    await make_topic(broker.bootstrap, topic)
    producer = AIOKafkaProducer(**client_options(broker.bootstrap), transactional_id=topic)
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, msgspec.json.encode(health("a")), key=b"a", partition=0)
    await producer.abort_transaction()
    async with producer.transaction():
        for partition in range(PARTITIONS):
            await producer.send_and_wait(topic, b"nothing", key=b"x", partition=partition)
            await producer.send_and_wait(topic, msgspec.json.encode(health("b")), key=b"b", partition=partition)
    view = KafkaHealth(broker.bootstrap, PARTITIONS, topic=topic)
    await view.start()
    try:
        await until(lambda: view.of("b") is not None, 10)
        assert (view.of("a"), view.of("x")) == (None, None)
    finally:
        await asyncio.gather(view.stop(), producer.stop())
